/* SPDX-License-Identifier: MIT */
/*
 * This program is its own holder: started under that name it tells what it finds, and ends.
 */
#include "temp.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "proc/spawner.h"

#define ID "ab234567-89ab-4cde-8f01-23456789abcd"

enum { RECORD = 3, CONTROL = 4, FOLDER = 5, SLOT_FIRST = 10, SLOT_LAST = 14 };

/* What the holder saw. */
struct report {
	char arguments[2][64];
	int n_arguments;
	int n_env;
	int n_blocked;        /* signals */
	uint64_t descriptors; /* bit set of those below 64 */
	int n_above;
	struct stat record, folder, log;
};

struct fixture {
	struct temp *temp;
	struct spawner *spawner;
	int record, log;
	struct err err;
};

extern char **environ;

static int
holder_main(int argc, char **argv)
{
	struct report r = { .n_arguments = argc };
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");
	sigset_t mask;
	int i, fd;
	char c;

	for (i = 0; i < argc && i < 2; i++)
		(void)snprintf(r.arguments[i], sizeof r.arguments[i], "%s", argv[i]);
	while (environ[r.n_env])
		r.n_env++;
	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	for (i = 1; i < 65; i++)
		r.n_blocked += sigismember(&mask, i) == 1;
	while (dir && (entry = readdir(dir))) {
		fd = entry->d_name[0] == '.' ? -1 : (int)strtol(entry->d_name, NULL, 10);
		if (fd < 0 || fd == dirfd(dir))
			continue;
		r.descriptors |= fd < 64 ? UINT64_C(1) << fd : 0;
		r.n_above += fd >= 64;
	}
	if (dir)
		(void)closedir(dir);
	(void)fstat(RECORD, &r.record);
	(void)fstat(FOLDER, &r.folder);
	(void)fstat(STDERR_FILENO, &r.log);
	if (write(CONTROL, &r, sizeof r) != (ssize_t)sizeof r)
		return 1;
	return read(CONTROL, &c, 1) == 1 ? c : 0; /* until it is let go */
}

static void
close_slots(void)
{
	int slot;

	for (slot = SLOT_FIRST; slot <= SLOT_LAST; slot++)
		(void)close(slot);
}

static int
setup(void **state)
{
	static struct fixture f;
	void *temp;

	memset(&f, 0, sizeof f);
	close_slots();
	(void)temp_setup(&temp);
	f.temp = temp;
	f.record = openat(f.temp->fd, "record", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	f.log = openat(f.temp->fd, "log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(f.record >= 0 && f.log >= 0);
	assert_ok(spawner_new("/proc/self/exe", f.log, &f.spawner, &f.err), &f.err);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	void *temp = f->temp;

	spawner_free(f->spawner);
	close_slots();
	fd_close(&f->record);
	fd_close(&f->log);
	return temp_teardown(&temp);
}

static void
start(struct fixture *f, pid_t *pid, int *control)
{
	assert_ok(spawner_start(f->spawner, ID, f->record, f->temp->fd, pid, control, &f->err),
		  &f->err);
}

static struct report
report_of(int control)
{
	struct report r;

	assert_int_equal(fd_set_nonblock(control, false), 0);
	assert_int_equal(fd_read_all(control, &r, sizeof r), sizeof r);
	return r;
}

static void
let_go(pid_t pid, int control)
{
	int status;

	(void)close(control);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool
same_file(const struct stat *st, int fd)
{
	struct stat other;

	assert_int_equal(fstat(fd, &other), 0);
	return st->st_dev == other.st_dev && st->st_ino == other.st_ino;
}

static void
a_holder_has_its_descriptors_its_name_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	int many[100], control;
	struct report r;
	sigset_t block, old;
	pid_t pid;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(many); i++) /* one of each kind that must not get across */
		many[i] = i % 2 ? dup(f->log) : fcntl(f->log, F_DUPFD_CLOEXEC, 0);
	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &block, &old), 0);
	start(f, &pid, &control);
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &block), 0);
	assert_int_equal(sigismember(&block, SIGUSR1), 1);
	assert_int_equal(sigismember(&block, SIGUSR2), 0); /* as it was */
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	assert_true(fcntl(control, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(control, F_GETFD) & FD_CLOEXEC);
	r = report_of(control);
	assert_int_equal(r.n_arguments, 2);
	assert_string_equal(r.arguments[0], "jobwire-holder");
	assert_string_equal(r.arguments[1], ID);
	assert_int_equal(r.n_env, 0);
	assert_true(r.descriptors == 0x3f);
	assert_int_equal(r.n_above, 0);
	assert_true(same_file(&r.record, f->record));
	assert_true(same_file(&r.folder, f->temp->fd));
	assert_true(same_file(&r.log, f->log));
	let_go(pid, control);
	for (i = 0; i < ARRAY_SIZE(many); i++)
		(void)close(many[i]);
}

/* The lock is the witness: it lives as long as the holder does, and no longer. */
static void
the_lock_of_the_record_goes_along_and_ends_with_the_holder(void **state)
{
	struct fixture *f = *state;
	int control, other;
	pid_t pid;

	assert_int_equal(flock(f->record, LOCK_EX | LOCK_NB), 0);
	start(f, &pid, &control);
	(void)report_of(control);
	fd_close(&f->record); /* ours; the holder has it */
	other = openat(f->temp->fd, "record", O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	let_go(pid, control);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	(void)close(other);
}

static void
its_end_is_seen_at_once_on_its_socket(void **state)
{
	struct fixture *f = *state;
	struct pollfd p = { .events = POLLIN };
	pid_t pid, second;
	int other;
	char c;

	start(f, &pid, &p.fd);
	(void)report_of(p.fd);
	start(f, &second, &other); /* has no end of the first one's socket */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(read(p.fd, &c, 1), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(p.fd);
	(void)report_of(other);
	let_go(second, other);
}

static void
copy_self(const char *path)
{
	auto_close int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_close int out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	char block[65536];
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, block, sizeof block)) > 0)
		assert_int_equal(fd_write_all(out, block, (size_t)n), 0);
}

static void
an_upgrade_of_the_file_changes_nothing_for_this_engine(void **state)
{
	struct fixture *f = *state;
	struct spawner *s;
	char path[96];
	int control;
	pid_t pid;

	(void)snprintf(path, sizeof path, "%s/holder", f->temp->path);
	copy_self(path);
	close_slots();
	assert_ok(spawner_new(path, f->log, &s, &f->err), &f->err);
	assert_int_equal(unlink(path), 0);
	assert_ok(spawner_start(s, ID, f->record, f->temp->fd, &pid, &control, &f->err), &f->err);
	assert_int_equal(report_of(control).n_arguments, 2);
	let_go(pid, control);
	spawner_free(s);
}

static void
a_program_that_is_not_there_is_named(void **state)
{
	struct fixture *f = *state;
	struct spawner *s = NULL;
	struct err err = { 0 };

	close_slots();
	assert_int_equal(spawner_new("/nowhere/jobwire-holder", f->log, &s, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "/nowhere/jobwire-holder"));
	assert_null(s);
}

static void
descriptors_that_are_taken_are_an_error_and_left_alone(void **state)
{
	struct fixture *f = *state;
	struct spawner *s = NULL;
	struct err err = { 0 };
	struct stat st;

	close_slots();
	assert_int_equal(dup2(f->log, SLOT_FIRST + 2), SLOT_FIRST + 2);
	assert_true(spawner_new("/proc/self/exe", f->log, &s, &err) < 0);
	assert_non_null(strstr(err.msg, "descriptor 12"));
	assert_null(s);
	assert_int_equal(fstat(f->log, &st), 0);
	assert_true(same_file(&st, SLOT_FIRST + 2));
}

static void
a_holder_that_cannot_be_started_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	struct spawner *s;
	struct err err = { 0 };
	int control = -7, other;
	pid_t pid = -7;

	close_slots();
	assert_int_equal(fchmod(f->log, 0600), 0);
	assert_ok(spawner_new("/proc/self/cmdline", f->log, &s, &f->err), &f->err);
	assert_int_equal(flock(f->record, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(spawner_start(s, ID, f->record, f->temp->fd, &pid, &control, &err),
			 ERR_PERMISSION_DENIED);
	assert_int_equal(err.code, ERR_PERMISSION_DENIED);
	assert_int_equal(err.sys, EACCES);
	assert_int_equal(pid, -7);
	assert_int_equal(control, -7);
	assert_true(waitpid(-1, NULL, 0) > 0); /* it let go of its memory before its descriptors */
	fd_close(&f->record);
	other = openat(f->temp->fd, "record", O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	(void)close(other);
	spawner_free(s);
}

#define unit_test_of_spawner(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_spawner(a_holder_has_its_descriptors_its_name_and_nothing_else),
		unit_test_of_spawner(the_lock_of_the_record_goes_along_and_ends_with_the_holder),
		unit_test_of_spawner(its_end_is_seen_at_once_on_its_socket),
		unit_test_of_spawner(an_upgrade_of_the_file_changes_nothing_for_this_engine),
		unit_test_of_spawner(a_program_that_is_not_there_is_named),
		unit_test_of_spawner(descriptors_that_are_taken_are_an_error_and_left_alone),
		unit_test_of_spawner(a_holder_that_cannot_be_started_leaves_nothing_behind),
	};

	if (strcmp(argv[0], "jobwire-holder") == 0)
		return holder_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
