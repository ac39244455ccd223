/* SPDX-License-Identifier: MIT */
#include "base/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"

#define DEFAULT_BELOW_HOME "/.local/state/jobwire"

static const char *
home_folder(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home && *home)
		return home;
	pw = getpwuid(getuid());
	return pw ? pw->pw_dir : NULL;
}

static int
find_path(const char *given, char out[PATH_MAX], struct err *err)
{
	const char *dir = given && *given ? given : getenv("JOBWIRE_STATE_DIR");
	const char *tail = "";
	int n;

	if (!dir || !*dir) {
		dir = home_folder();
		tail = DEFAULT_BELOW_HOME;
	}
	if (!dir)
		return err_set(err, ERR_FAILED_PRECONDITION,
			       "no state folder: HOME is not set and user %u has no passwd entry; "
			       "set JOBWIRE_STATE_DIR to a folder of yours",
			       (unsigned)getuid());
	if (*dir != '/')
		return err_set(err, ERR_INVALID_ARGUMENT,
			       "state folder %.200s: must be an absolute path", dir);
	n = snprintf(out, PATH_MAX, "%s%s", dir, tail);
	if (n < 0 || n >= PATH_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT,
			       "state folder %.100s...: longer than %d bytes", dir, PATH_MAX - 1);
	return 0;
}

/* Each missing folder on the way, 0700. What exists is left as it is: on the way, a refusal may
 * mean no more than that, and the next step tells. */
static int
make_path(char path[PATH_MAX], struct err *err)
{
	int rc, refused = 0;
	char *p, end;

	for (p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		if (*p == '/' && (p[1] == '/' || !p[1]))
			continue; /* "//" or a slash at the end */
		end = *p;
		*p = '\0';
		rc = sys_mkdirat(AT_FDCWD, path, 0700) < 0 ? errno : 0;
		*p = end;
		if (end && (rc == EACCES || rc == EROFS))
			refused = refused ? refused : rc;
		else if (rc && rc != EEXIST)
			return err_sys(err, rc == ENOENT && refused ? refused : rc,
				       "create state folder %.300s", path);
		if (!end)
			return 0;
	}
}

static int
check_owner(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "state folder %.300s", path);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_PERMISSION_DENIED,
			       "state folder %.200s belongs to user %u, not to you (%u); set "
			       "JOBWIRE_STATE_DIR to a folder of yours",
			       path, (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 022)
		return err_set(
			err, ERR_PERMISSION_DENIED,
			"state folder %.200s: others may write to it (mode %04o); run: chmod "
			"700 %.100s",
			path, (unsigned)st.st_mode & 07777, path);
	return 0;
}

int
endpoint_open(const char *given, struct endpoint *ret_ep, struct err *err)
{
	int fd, rc;

	ret_ep->dirfd = -1;
	rc = find_path(given, ret_ep->path, err);
	if (rc < 0)
		return rc;
	fd = sys_openat(AT_FDCWD, ret_ep->path, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 && errno == ENOENT) {
		rc = make_path(ret_ep->path, err);
		if (rc < 0)
			return rc;
		fd = sys_openat(AT_FDCWD, ret_ep->path, O_RDONLY | O_DIRECTORY, 0);
	}
	if (fd < 0)
		return err_sys(err, errno, "state folder %.300s", ret_ep->path);
	rc = check_owner(fd, ret_ep->path, err);
	if (rc < 0) {
		(void)close(fd);
		return rc;
	}
	ret_ep->dirfd = fd;
	return 0;
}

void
endpoint_close(struct endpoint *ep)
{
	fd_close(&ep->dirfd);
}
