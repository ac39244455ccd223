/* SPDX-License-Identifier: MIT */
#include "jobdir/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"

char *
folder_path(const char *id, char out[FOLDER_PATH_MAX])
{
	(void)snprintf(out, FOLDER_PATH_MAX, "jobs/%.2s/%s", id, id);
	return out;
}

static int
make_parents(int statefd, const char *id)
{
	char parent[sizeof "jobs/ab"];

	if (sys_mkdirat(statefd, "jobs", 0700) < 0 && errno != EEXIST)
		return -errno;
	(void)snprintf(parent, sizeof parent, "jobs/%.2s", id);
	if (sys_mkdirat(statefd, parent, 0700) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int
folder_create(int statefd, const char *id, int *ret_dirfd)
{
	char path[FOLDER_PATH_MAX];
	int rc;

	if (!id_is_whole(id))
		return -EINVAL;
	(void)folder_path(id, path);
	rc = sys_mkdirat(statefd, path, 0700) < 0 ? -errno : 0;
	if (rc == -ENOENT) {
		rc = make_parents(statefd, id);
		if (rc == 0 && sys_mkdirat(statefd, path, 0700) < 0)
			rc = -errno;
	}
	if (rc < 0)
		return rc;
	rc = folder_open(statefd, id, ret_dirfd);
	if (rc < 0)
		(void)unlinkat(statefd, path, AT_REMOVEDIR);
	return rc;
}

int
folder_open(int statefd, const char *id, int *ret_dirfd)
{
	char path[FOLDER_PATH_MAX];
	int fd;

	if (!id_is_whole(id))
		return -EINVAL;
	fd = sys_openat(statefd, folder_path(id, path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return -errno;
	*ret_dirfd = fd;
	return 0;
}

/* A stream over the folder's entries that owns a descriptor of its own. */
static DIR *
entries_of(int dirfd, const char *path)
{
	int fd = sys_openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	DIR *dir;

	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (!dir)
		(void)close(fd);
	return dir;
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int
folder_remove(int statefd, const char *id)
{
	char path[FOLDER_PATH_MAX];
	struct dirent *entry;
	int rc = 0;
	DIR *dir;

	if (!id_is_whole(id))
		return -EINVAL; /* "jobs/.." would be the state folder itself */
	dir = entries_of(statefd, folder_path(id, path));
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (!is_dots(entry->d_name) && unlinkat(dirfd(dir), entry->d_name, 0) < 0 &&
		    errno != ENOENT)
			rc = -errno;
	(void)closedir(dir);
	if (rc == 0 && unlinkat(statefd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		rc = -errno;
	return rc;
}

/* Not every filesystem tells the type with the name. */
static bool
is_folder(int dirfd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int
walk_one(int jobsfd, const char *name, int (*each)(const char *id, void *arg), void *arg)
{
	struct dirent *entry;
	int rc = 0;
	DIR *dir;

	dir = entries_of(jobsfd, name);
	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (rc == 0 && (entry = readdir(dir)))
		if (id_is_whole(entry->d_name) && strncmp(entry->d_name, name, 2) == 0 &&
		    is_folder(dirfd(dir), entry))
			rc = each(entry->d_name, arg);
	(void)closedir(dir);
	return rc;
}

int
folder_walk(int statefd, int (*each)(const char *id, void *arg), void *arg)
{
	struct dirent *entry;
	int rc = 0;
	DIR *dir;

	dir = entries_of(statefd, "jobs");
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (rc == 0 && (entry = readdir(dir)))
		if (strlen(entry->d_name) == 2 && !is_dots(entry->d_name))
			rc = walk_one(dirfd(dir), entry->d_name, each, arg);
	(void)closedir(dir);
	return rc;
}
