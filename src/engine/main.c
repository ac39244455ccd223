/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "engine/logfile.h"
#include "engine/run.h"

/* Exit statuses of jobwired. */
enum {
	EXIT_ENDED = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	/* client/starter.c knows these two. */
	EXIT_OTHER_RUNS = 3, /* another engine serves the state folder */
	EXIT_KILLED = 4,     /* with --background: killed before it was ready */
};

#define READY "ready"

/* Close everything above stdio that whoever started us left open, but for the lock. */
static void
close_inherited(int64_t keep)
{
	if (keep < 3) {
		(void)syscall(SYS_close_range, 3u, ~0u, 0u);
		return;
	}
	if (keep > 3)
		(void)syscall(SYS_close_range, 3u, (unsigned)keep - 1, 0u);
	(void)syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0u);
}

/* Who holds the lock wrote its pid into it. */
static int
say_who(int fd, const char *path, struct err *err)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

	pid[MAX(n, 0)] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return err_set(err, ERR_ALREADY_EXISTS,
		       "another engine (pid %s) serves %.300s; `jobwire engine status` shows it",
		       *pid ? pid : "unknown", path);
}

/* Low numbers are wanted for the holders' descriptors (proc/spawner.c). */
static int
clear_of_slots(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 64);

	if (high < 0)
		return fd;
	(void)close(fd);
	return high;
}

/* One engine per state folder. The lock lives as long as this process. */
static int
take_lock(struct engine *eng, struct err *err)
{
	int fd = (int)eng->settings.lock_fd;
	char pid[16];

	if (fd < 0)
		fd = sys_openat(eng->endpoint.dirfd, ENDPOINT_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW,
				0600);
	if (fd < 0)
		return err_sys(err, errno, "%.300s/" ENDPOINT_LOCK, eng->endpoint.path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int rc = errno == EWOULDBLOCK ? say_who(fd, eng->endpoint.path, err)
					      : err_sys(err, errno, "lock");

		(void)close(fd);
		return rc;
	}
	fd = clear_of_slots(fd);
	(void)snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		return err_sys(err, errno, "%.300s/" ENDPOINT_LOCK, eng->endpoint.path);
	return 0;
}

/* The parent of a background engine waits for its first word and passes it on. */
static int
wait_for_word(int fd, pid_t child)
{
	char text[1024];
	ssize_t n = fd_read_all(fd, text, sizeof text - 1);
	int status = 0;

	text[MAX(n, 0)] = '\0';
	if (strcmp(text, READY) == 0)
		return EXIT_ENDED;
	(void)TEMP_FAILURE_RETRY(waitpid(child, &status, 0));
	if (*text)
		(void)fprintf(stderr, "%s\n", text);
	else
		(void)fprintf(stderr, "jobwired: ended at its start (wait status %#x)\n",
			      (unsigned)status);
	if (WIFSIGNALED(status))
		return EXIT_KILLED;
	return WEXITSTATUS(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

/* Away from the terminal, before any thread is there. In the child: where to say the first word. */
static int
go_background(struct engine *eng, int *ret_word, struct err *err)
{
	int word[2], logfd, null;
	pid_t child;

	if (pipe2(word, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	child = fork();
	if (child < 0)
		return err_sys(err, errno, "fork");
	if (child > 0) {
		(void)close(word[1]);
		_exit(wait_for_word(word[0], child));
	}
	(void)close(word[0]);
	*ret_word = word[1];
	(void)setsid();
	logfd = logfile_open(&eng->endpoint, err);
	if (logfd < 0)
		return logfd;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(logfd, STDOUT_FILENO) < 0 ||
	    dup2(logfd, STDERR_FILENO) < 0 || chdir("/") < 0)
		return err_sys(err, errno, "background");
	(void)close(null);
	(void)close(logfd);
	logfile_turn_over(&eng->endpoint);
	return 0;
}

static void
say_word(int *word, const char *text)
{
	if (*word < 0)
		return;
	(void)!fd_write_all(*word, text, strlen(text));
	fd_close(word);
}

/* Settings, state folder, lock: all that may be refused before anything is touched. */
static int
prepare(struct engine *eng, int argc, char **argv, struct err *err)
{
	int rc;

	rc = endpoint_open(eng->settings.state_dir, &eng->endpoint, err);
	if (rc == 0)
		rc = engine_refuse_inside_job(eng, err);
	if (rc == 0)
		rc = settings_read_file(&eng->settings, &eng->endpoint, argc, argv, err);
	if (rc == 0)
		log_set_level((enum log_level)eng->settings.log_level);
	return rc;
}

static int
serve(struct engine *eng, int *word, struct err *err)
{
	int rc;

	rc = take_lock(eng, err);
	if (rc == 0)
		rc = engine_open(eng, err);
	if (rc < 0)
		return rc;
	log_info("engine ready", log_str("version", JOBWIRE_VERSION), log_num("pid", getpid()),
		 log_num("epoch", eng->epoch), log_str("state", eng->endpoint.path));
	sys_stop_point("engine.ready");
	say_word(word, READY);
	engine_run(eng);
	log_info("engine ended", log_num("epoch", eng->epoch));
	return 0;
}

static int
report(int *word, const struct err *err)
{
	char text[ERR_MSG_MAX + 16];

	(void)snprintf(text, sizeof text, "jobwired: %s", err->msg);
	log_error("engine failed", log_str("error", err->msg));
	if (*word >= 0)
		say_word(word, text);
	return err->code == ERR_ALREADY_EXISTS ? EXIT_OTHER_RUNS : EXIT_FAILED;
}

int
main(int argc, char **argv)
{
	static struct engine eng;
	struct err err = { 0 };
	int word = -1, status = EXIT_ENDED, rc;

	/* Replies of 256 KiB come and go: keep their memory instead of mapping it each time. */
	(void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
	(void)mallopt(M_TRIM_THRESHOLD, 2 * 1024 * 1024);
	sys_faults_from_env();
	if (settings_read(&eng.settings, argc, argv, &err) < 0) {
		(void)fprintf(stderr, "jobwired: %s\nTry 'jobwired --help'.\n", err.msg);
		return EXIT_USAGE;
	}
	if (eng.settings.help) {
		settings_print_help(stdout);
		return EXIT_ENDED;
	}
	if (eng.settings.version) {
		(void)puts("jobwired " JOBWIRE_VERSION);
		return EXIT_ENDED;
	}
	close_inherited(eng.settings.lock_fd);
	rc = prepare(&eng, argc, argv, &err);
	if (rc == 0 && eng.settings.background)
		rc = go_background(&eng, &word, &err);
	if (rc == 0)
		rc = serve(&eng, &word, &err);
	if (rc < 0)
		status = report(&word, &err);
	engine_close(&eng);
	settings_fini(&eng.settings);
	endpoint_close(&eng.endpoint);
	return status;
}
