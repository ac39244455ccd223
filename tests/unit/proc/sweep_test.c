/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"
#include "base/process.h"
#include "proc/sweep.h"

#define NAME "JOBWIRE_JOB_ID"

/* Of this run alone: a sweep looks at all processes, and somebody else may run this test as well.
 */
static char own[ID_SIZE], other[ID_SIZE], longer[ID_SIZE + 1];

/* posix_spawn(3) returns a little before the kernel has changed our environment for the new one. */
static void
wait_for_environment(pid_t pid)
{
	char path[32], first[4] = "";
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	while (memcmp(first, "A=1", sizeof first) != 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		if (read(fd, first, sizeof first) < 0)
			assert_int_equal(errno, EINTR);
		(void)close(fd);
		(void)sched_yield();
	}
}

/* A process that lives until it is ended, with this in its environment. */
static pid_t
sleeper(const char *name, const char *value, bool own_session)
{
	char *argv[] = { (char[]){ "sleep" }, (char[]){ "60" }, NULL };
	char *env[] = { (char[]){ "A=1" }, NULL, (char[]){ "B=2" }, NULL };
	posix_spawnattr_t attr;
	pid_t pid;

	assert_true(asprintf(&env[1], "%s=%s", name, value) > 0);
	(void)posix_spawnattr_init(&attr);
	if (own_session)
		(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	assert_int_equal(posix_spawnp(&pid, "sleep", NULL, &attr, argv, env), 0);
	(void)posix_spawnattr_destroy(&attr);
	free(env[1]);
	wait_for_environment(pid);
	return pid;
}

static bool
is_alive(pid_t pid)
{
	struct process p;

	return process_look(pid, &p) && p.is_alive;
}

static void
end(pid_t pid, int expected_signal)
{
	int status;

	(void)kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), expected_signal);
}

static struct sweep
sweep(pid_t main_pid, uint64_t ticks)
{
	struct sweep s = { .main_pid = main_pid, .main_ticks = ticks };

	(void)snprintf(s.job_id, sizeof s.job_id, "%s", own);
	sweep_run(&s);
	return s;
}

static void
whoever_bears_the_jobs_name_is_ended_and_nobody_else(void **state)
{
	pid_t a = sleeper(NAME, own, false), b = sleeper(NAME, own, true);
	pid_t others[] = {
		sleeper(NAME, other, false),
		sleeper(NAME, longer, false),
		sleeper("JOBWIRE_JOB", own, false),
	};
	struct sweep s = sweep(0, 0);
	size_t i;

	(void)state;
	assert_int_equal(s.killed, 2);
	assert_int_equal(s.survivors, 0);
	end(a, SIGKILL);
	end(b, SIGKILL);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		assert_true(is_alive(others[i]));
		end(others[i], SIGTERM);
	}
}

static void
whoever_is_in_the_session_of_the_main_process_is_ended(void **state)
{
	pid_t leader = sleeper("X", "1", true);
	struct sweep s = sweep(leader, process_ticks(leader));

	(void)state;
	assert_int_equal(s.killed, 1);
	end(leader, SIGKILL);
}

/* The pid was given away again: the session is older than the main process was. */
static void
a_session_of_another_time_is_left_alone(void **state)
{
	pid_t leader = sleeper("X", "1", true);
	struct sweep s = sweep(leader, process_ticks(leader) + 1);

	(void)state;
	assert_int_equal(s.killed, 0);
	assert_int_equal(s.survivors, 0);
	assert_true(is_alive(leader));
	end(leader, SIGTERM);
}

/* The pid was given away again, and its new owner is younger. */
static void
a_session_that_came_later_is_left_alone(void **state)
{
	pid_t leader = sleeper("X", "1", true);
	struct sweep s = sweep(leader, process_ticks(leader) - 1);

	(void)state;
	assert_int_equal(s.killed, 0);
	assert_true(is_alive(leader));
	end(leader, SIGTERM);
}

/* As large as a variable may be, so that no piece that is read at once holds both. */
static void
a_name_behind_a_large_variable_is_found(void **state)
{
	char *large[5] = { NULL }, *argv[] = { (char[]){ "sleep" }, (char[]){ "1000" }, NULL };
	char *env[] = { NULL, NULL, NULL, NULL, NULL, NULL, NULL };
	size_t i;
	pid_t pid;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(large); i++) {
		large[i] = calloc(1, 100001 + i);
		assert_non_null(large[i]);
		memset(large[i], 'a', 100000 + i);
		large[i][1] = '=';
		env[i] = large[i];
	}
	assert_true(asprintf(&env[ARRAY_SIZE(large)], NAME "=%s", own) > 0);
	assert_int_equal(posix_spawnp(&pid, "sleep", NULL, NULL, argv, env), 0);
	free(env[ARRAY_SIZE(large)]);
	for (i = 0; i < ARRAY_SIZE(large); i++)
		free(large[i]);
	assert_int_equal(sweep(0, 0).killed, 1);
	end(pid, SIGKILL);
}

static void
without_descriptors_it_says_that_it_is_blind(void **state)
{
	pid_t pid = sleeper(NAME, own, false);
	int last = dup(STDOUT_FILENO);
	struct rlimit old, few;
	struct sweep s;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	few.rlim_cur = (rlim_t)last + 1; /* one for /proc, none for what is in it */
	(void)close(last);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	s = sweep(0, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_true(s.is_blind);
	assert_true(is_alive(pid));
	s = sweep(0, 0);
	assert_false(s.is_blind);
	assert_int_equal(s.killed, 1);
	end(pid, SIGKILL);
}

static void
one_that_is_stopped_is_ended_too(void **state)
{
	pid_t pid = sleeper(NAME, own, false);
	int status;

	(void)state;
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(sweep(0, 0).killed, 1);
	end(pid, SIGKILL);
}

static void
where_there_is_nothing_to_end_nothing_is(void **state)
{
	struct sweep s = sweep(0, 0);

	(void)state;
	assert_int_equal(s.killed, 0);
	assert_int_equal(s.survivors, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_bears_the_jobs_name_is_ended_and_nobody_else),
		cmocka_unit_test(whoever_is_in_the_session_of_the_main_process_is_ended),
		cmocka_unit_test(a_session_of_another_time_is_left_alone),
		cmocka_unit_test(a_session_that_came_later_is_left_alone),
		cmocka_unit_test(a_name_behind_a_large_variable_is_found),
		cmocka_unit_test(without_descriptors_it_says_that_it_is_blind),
		cmocka_unit_test(one_that_is_stopped_is_ended_too),
		cmocka_unit_test(where_there_is_nothing_to_end_nothing_is),
	};

	id_new(own);
	(void)snprintf(other, sizeof other, "%s", own);
	other[ID_LEN - 1] = own[ID_LEN - 1] == '0' ? '1' : '0';
	(void)snprintf(longer, sizeof longer, "%s0", own);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
