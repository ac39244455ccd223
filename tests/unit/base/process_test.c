/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/process.h"

/* A child that waits to be ended. */
static pid_t
start_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		for (;;)
			(void)pause();
	return pid;
}

static int
end_child(pid_t pid)
{
	int status = 0;

	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
a_process_is_seen_as_it_is(void **state)
{
	pid_t pid = start_child();
	struct process p = { 0 };

	(void)state;
	assert_true(process_look(getpid(), &p));
	assert_int_equal(p.pid, getpid());
	assert_int_equal(p.ppid, getppid());
	assert_int_equal(p.session, getsid(0));
	assert_true(p.is_alive);
	assert_true(p.ticks > 0);
	assert_true(process_ticks(getpid()) == p.ticks);

	assert_true(process_look(pid, &p));
	assert_int_equal(p.pid, pid);
	assert_int_equal(p.ppid, getpid());
	assert_true(p.is_alive);
	assert_true(p.ticks >= process_ticks(getpid()));
	(void)end_child(pid);
}

static void
its_name_may_hold_anything(void **state)
{
	static const char *const names[] = { "a) Z 1 1 1", ") ", "))) R 0", "(", "\n) Z\n", "" };
	struct process before, p;
	char was[16];
	size_t i;

	(void)state;
	assert_true(process_look(getpid(), &before));
	assert_int_equal(prctl(PR_GET_NAME, was), 0);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(prctl(PR_SET_NAME, names[i]), 0);
		memset(&p, 0xff, sizeof p);
		assert_true(process_look(getpid(), &p));
		assert_int_equal(p.ppid, before.ppid);
		assert_int_equal(p.session, before.session);
		assert_true(p.ticks == before.ticks);
		assert_true(p.is_alive);
	}
	assert_int_equal(prctl(PR_SET_NAME, was), 0);
}

static void
a_zombie_is_there_but_not_alive_and_the_reaped_is_gone(void **state)
{
	pid_t pid = start_child();
	uint64_t ticks = process_ticks(pid);
	struct process p;
	siginfo_t info;

	(void)state;
	assert_true(ticks > 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(process_look(pid, &p));
	assert_false(p.is_alive);
	assert_true(p.ticks == ticks);
	(void)end_child(pid);
	assert_false(process_look(pid, &p));
	assert_true(process_ticks(pid) == 0);
	assert_int_equal(process_signal(pid, ticks, SIGKILL), -ESRCH);
}

static void *
stay(void *arg)
{
	(void)arg;
	for (;;)
		(void)pause();
	return NULL;
}

static void
a_leader_that_left_its_threads_running_is_alive(void **state)
{
	char path[64], text[512];
	struct process p;
	pthread_t thread;
	const char *name_end;
	pid_t pid = fork();
	ssize_t n;
	int fd;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		if (pthread_create(&thread, NULL, stay, NULL) != 0)
			_exit(1);
		pthread_exit(NULL);
	}
	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	do { /* until the leader is a zombie */
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		(void)sched_yield();
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd_read_all(fd, text, sizeof text - 1);
		(void)close(fd);
		assert_true(n > 0);
		text[n] = '\0';
		name_end = strrchr(text, ')');
		assert_non_null(name_end);
	} while (name_end[2] != 'Z');
	assert_true(process_look(pid, &p));
	assert_true(p.is_alive);
	(void)end_child(pid);
}

static void
a_signal_reaches_the_process_that_was_meant(void **state)
{
	pid_t pid = start_child();
	uint64_t ticks = process_ticks(pid);
	int status;

	(void)state;
	assert_int_equal(process_signal(pid, ticks, 0), 0);
	assert_int_equal(process_signal(pid, ticks, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

/* What process_signal() answers about ourselves, and whether the signal came. */
static int
signal_ourselves(uint64_t ticks, bool *ret_came)
{
	const struct timespec now = { 0 };
	sigset_t usr1;
	int rc;

	(void)sigemptyset(&usr1);
	(void)sigaddset(&usr1, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &usr1, NULL); /* what comes waits to be taken */
	rc = process_signal(getpid(), ticks, SIGUSR1);
	*ret_came = sigtimedwait(&usr1, NULL, &now) == SIGUSR1;
	(void)sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	return rc;
}

static void
a_signal_never_reaches_another_that_has_its_number(void **state)
{
	uint64_t ticks = process_ticks(getpid());
	const uint64_t others[] = { ticks + 1, ticks - 1, 0 };
	bool came;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(signal_ourselves(others[i], &came), -ESRCH);
		assert_false(came);
	}
	assert_int_equal(signal_ourselves(ticks, &came), 0);
	assert_true(came);
}

static void
no_process_has_a_number_below_one(void **state)
{
	struct process p;

	(void)state;
	assert_false(process_look(0, &p));
	assert_false(process_look(-1, &p));
	assert_true(process_ticks(-1) == 0);
	assert_true(process_signal(0, 0, SIGTERM) < 0);
	assert_true(process_signal(-1, 0, SIGTERM) < 0);
}

static void
the_boot_id_is_the_kernels(void **state)
{
	char id[BOOT_ID_SIZE], again[BOOT_ID_SIZE];
	size_t i;

	(void)state;
	process_boot_id(id);
	process_boot_id(again);
	assert_string_equal(id, again);
	assert_int_equal(strlen(id), 36);
	for (i = 0; i < 36; i++)
		assert_non_null(strchr(
			i == 8 || i == 13 || i == 18 || i == 23 ? "-" : "0123456789abcdef", id[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_seen_as_it_is),
		cmocka_unit_test(its_name_may_hold_anything),
		cmocka_unit_test(a_zombie_is_there_but_not_alive_and_the_reaped_is_gone),
		cmocka_unit_test(a_leader_that_left_its_threads_running_is_alive),
		cmocka_unit_test(a_signal_reaches_the_process_that_was_meant),
		cmocka_unit_test(a_signal_never_reaches_another_that_has_its_number),
		cmocka_unit_test(no_process_has_a_number_below_one),
		cmocka_unit_test(the_boot_id_is_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
