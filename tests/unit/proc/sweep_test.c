/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "proc/sweep.h"

#define ID    "ab234567-89ab-4cde-8f01-23456789abcd"
#define OTHER "ab234567-89ab-4cde-8f01-23456789abce"

/* Within execve(2) a process shows no environment, and for that long nobody can know whose it is.
 */
static void
wait_for_environment(pid_t pid)
{
	char path[32], byte;
	ssize_t n = 0;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	while (n == 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		n = read(fd, &byte, 1);
		(void)close(fd);
	}
	assert_int_equal(n, 1);
}

/* A process that lives until it is ended, with this in its environment. */
static pid_t
sleeper(const char *variable, bool own_session)
{
	char *argv[] = { (char[]){ "sleep" }, (char[]){ "1000" }, NULL };
	char *env[] = { (char[]){ "A=1" }, NULL, (char[]){ "B=2" }, NULL };
	posix_spawnattr_t attr;
	pid_t pid;

	env[1] = strdup(variable);
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
	struct sweep s = { .job_id = ID, .main_pid = main_pid, .main_ticks = ticks };

	sweep_run(&s);
	return s;
}

static void
whoever_bears_the_jobs_name_is_ended_and_nobody_else(void **state)
{
	pid_t a = sleeper("JOBWIRE_JOB_ID=" ID, false), b = sleeper("JOBWIRE_JOB_ID=" ID, true);
	pid_t others[] = {
		sleeper("JOBWIRE_JOB_ID=" OTHER, false),
		sleeper("JOBWIRE_JOB_ID=" ID "0", false),
		sleeper("JOBWIRE_JOB=" ID, false),
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
	pid_t leader = sleeper("X=1", true);
	struct sweep s = sweep(leader, process_ticks(leader));

	(void)state;
	assert_int_equal(s.killed, 1);
	end(leader, SIGKILL);
}

/* The pid was given away again: the session is older than the main process was. */
static void
a_session_of_another_time_is_left_alone(void **state)
{
	pid_t leader = sleeper("X=1", true);
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
	pid_t leader = sleeper("X=1", true);
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
	char *env[] = { NULL, NULL, NULL, NULL, NULL, (char[]){ "JOBWIRE_JOB_ID=" ID }, NULL };
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
	assert_int_equal(posix_spawnp(&pid, "sleep", NULL, NULL, argv, env), 0);
	for (i = 0; i < ARRAY_SIZE(large); i++)
		free(large[i]);
	wait_for_environment(pid);
	assert_int_equal(sweep(0, 0).killed, 1);
	end(pid, SIGKILL);
}

static void
without_descriptors_it_says_that_it_is_blind(void **state)
{
	pid_t pid = sleeper("JOBWIRE_JOB_ID=" ID, false);
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
	pid_t pid = sleeper("JOBWIRE_JOB_ID=" ID, false);
	int status;

	(void)state;
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(sweep(0, 0).killed, 1);
	end(pid, SIGKILL);
}

static void
nothing_to_end_is_found_in_one_look(void **state)
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
		cmocka_unit_test(nothing_to_end_is_found_in_one_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
