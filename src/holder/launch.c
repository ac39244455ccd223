/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"
#include "holder/holder.h"
#include "jobdir/folder.h"

#define CHILD_STACK  ((size_t)64 * 1024)
#define OOM_SCORE    "500" /* the job goes before its holder (process.md B13) */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENV_JOB_ID   "JOBWIRE_JOB_ID"

enum step {
	STEP_NONE,
	STEP_SESSION,
	STEP_STDIO,
	STEP_TERMINAL,
	STEP_LIMIT,
	STEP_CHDIR,
	STEP_EXEC,
	STEP_COUNT,
};

static const char *const step_names[STEP_COUNT] = {
	[STEP_NONE] = "start",        [STEP_SESSION] = "setsid",  [STEP_STDIO] = "stdio",
	[STEP_TERMINAL] = "terminal", [STEP_LIMIT] = "setrlimit", [STEP_CHDIR] = "chdir",
	[STEP_EXEC] = "exec",
};

/* Everything the child needs, made before it is born: between clone and exec it may only do raw
 * system calls, and it shares our memory. */
struct plan {
	const struct spec *spec;
	const struct raised_limit *raised;
	pid_t holder;
	int stdio[3]; /* the job's ends */
	bool is_terminal;
	const char *const *argv;
	const char *const *envp;
	const char *program; /* argv[0], or the shell */
	const char *path;    /* of the job's environment */
	char candidate[PATH_MAX];
	const char **sh_argv; /* for a script without "#!" */
	volatile enum step failed_step;
	volatile int failed_errno;
};

static int
fail(struct plan *p, enum step step)
{
	p->failed_step = step;
	p->failed_errno = errno;
	return -1;
}

static int
child_stdio(struct plan *p)
{
	int i;

	for (i = 0; i < 3; i++)
		if (dup2(p->stdio[i], i) < 0)
			return fail(p, STEP_STDIO);
	if (p->is_terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		return fail(p, STEP_TERMINAL);
	(void)syscall(SYS_close_range, 3u, ~0u, 0u);
	return 0;
}

static int
child_limits(struct plan *p)
{
	struct rlimit limit;
	size_t i;

	for (i = 0; i < RAISED_LIMITS; i++)
		if (setrlimit(p->raised[i].resource, &p->raised[i].was) < 0)
			return fail(p, STEP_LIMIT);
	for (i = 0; i < p->spec->n_limits; i++) {
		limit.rlim_cur = p->spec->limits[i].soft;
		limit.rlim_max = p->spec->limits[i].hard;
		if (setrlimit((int)p->spec->limits[i].resource, &limit) < 0)
			return fail(p, STEP_LIMIT);
	}
	if (p->spec->has_umask)
		(void)umask(p->spec->umask);
	return 0;
}

/* So that a machine that runs out of memory takes the job and not the one who must tell of it. */
static void
child_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char old[8] = "";

	if (fd < 0)
		return;
	if (read(fd, old, sizeof old - 1) > 0 &&
	    strtol(old, NULL, 10) < strtol(OOM_SCORE, NULL, 10))
		(void)!pwrite(fd, OOM_SCORE, sizeof OOM_SCORE - 1, 0);
	(void)close(fd);
}

static void
child_signals(void)
{
	struct sigaction deflt = { .sa_handler = SIG_DFL };
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &deflt, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* As execvp(3): a file without a format that the kernel knows is a script for /bin/sh. */
static void
try_exec(struct plan *p, const char *file)
{
	(void)execve(file, (char *const *)p->argv, (char *const *)p->envp);
	if (errno != ENOEXEC)
		return;
	p->sh_argv[0] = "/bin/sh";
	p->sh_argv[1] = file;
	(void)execve("/bin/sh", (char *const *)p->sh_argv, (char *const *)p->envp);
}

static bool
make_candidate(struct plan *p, const char *dir, size_t len)
{
	size_t name_len = strlen(p->program);

	if (len + 1 + name_len + 1 > sizeof p->candidate)
		return false;
	memcpy(p->candidate, dir, len);
	if (len)
		p->candidate[len++] = '/';
	memcpy(p->candidate + len, p->program, name_len + 1);
	return true;
}

static int
child_exec(struct plan *p)
{
	const char *dir, *end;
	bool denied = false;

	if (strchr(p->program, '/')) {
		try_exec(p, p->program);
		return fail(p, STEP_EXEC);
	}
	errno = ENOENT;
	for (dir = p->path; *p->program; dir = end + 1) {
		end = strchrnul(dir, ':');
		if (make_candidate(p, dir, (size_t)(end - dir)))
			try_exec(p, p->candidate);
		if (errno == EACCES)
			denied = true;
		else if (errno != ENOENT && errno != ENOTDIR)
			return fail(p, STEP_EXEC);
		if (!*end)
			break;
	}
	errno = denied ? EACCES : ENOENT;
	return fail(p, STEP_EXEC);
}

static int
child_main(void *arg)
{
	struct plan *p = arg;

	/* The job dies with its holder: nobody else could tell of it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != p->holder)
		_exit(127); /* it died before the line above */
	if (setsid() < 0) {
		(void)fail(p, STEP_SESSION);
		_exit(127);
	}
	child_oom_score();
	if (child_stdio(p) == 0 && child_limits(p) == 0) {
		if (chdir(p->spec->cwd) < 0) {
			(void)fail(p, STEP_CHDIR);
			_exit(127);
		}
		child_signals();
		(void)child_exec(p);
	}
	_exit(127);
}

/* The child runs on a stack of its own in our memory until it executes or ends; we wait. */
static pid_t
spawn(struct plan *p)
{
	sigset_t all, old;
	void *stack;
	pid_t pid;
	int rc;

	stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return -1;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = clone(child_main, (char *)stack + CHILD_STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, p);
	rc = errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)munmap(stack, CHILD_STACK);
	errno = rc;
	return pid;
}

/* NAME=value of `list`, or NULL. */
static const char *
find_env(const struct strings *list, const char *name, size_t len)
{
	size_t i;

	for (i = list->n; i > 0; i--) /* the last one counts */
		if (strncmp(list->v[i - 1], name, len) == 0 && list->v[i - 1][len] == '=')
			return list->v[i - 1];
	return NULL;
}

/* The caller's environment, the explicit settings over it, and what only we can know. */
static const char **
make_env(struct holder *h)
{
	const struct spec *s = &h->spec;
	const char **env, *p;
	size_t i, n = 0;

	env = arena_alloc(&h->arena, (s->base_env.n + s->env.n + 3) * sizeof *env);
	if (!env)
		return NULL;
	/* First, where the sweep of a lost job finds it soonest. */
	env[n++] = arena_printf(&h->arena, ENV_JOB_ID "=%s", s->id);
	for (i = 0; i < s->base_env.n; i++) {
		p = s->base_env.v[i];
		if (!find_env(&s->env, p, strcspn(p, "=")) && strncmp(p, "PWD=", 4) != 0 &&
		    strncmp(p, ENV_JOB_ID "=", sizeof ENV_JOB_ID) != 0)
			env[n++] = p;
	}
	for (i = 0; i < s->env.n; i++)
		if (find_env(&s->env, s->env.v[i], strcspn(s->env.v[i], "=")) == s->env.v[i])
			env[n++] = s->env.v[i];
	if (!find_env(&s->env, "PWD", 3))
		env[n++] = arena_printf(&h->arena, "PWD=%s", s->cwd);
	env[n] = NULL;
	return env[0] && env[n - 1] ? env : NULL;
}

/* "<the job's folder>/script" */
static const char *
script_path(struct holder *h)
{
	char link[40], folder[PATH_MAX];
	ssize_t n;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", h->dirfd);
	n = readlink(link, folder, sizeof folder - 1);
	if (n < 0)
		return NULL;
	folder[n] = '\0';
	return arena_printf(&h->arena, "%s/" FOLDER_SCRIPT, folder);
}

static int
make_argv(struct holder *h, struct plan *p)
{
	const struct spec *s = &h->spec;
	const char **argv = s->argv.v, *path;
	size_t n = s->argv.n;

	if (n == 0) {
		argv = arena_zalloc(&h->arena, 4 * sizeof *argv);
		if (!argv)
			return -1;
		argv[n++] = s->shell;
		if (!s->in_file)
			argv[n++] = "-c";
		argv[n++] = s->in_file ? script_path(h) : s->command;
		if (!argv[n - 1])
			return -1;
	}
	p->sh_argv = arena_zalloc(&h->arena, (n + 2) * sizeof *p->sh_argv);
	if (!p->sh_argv)
		return -1;
	memcpy(p->sh_argv + 2, argv + 1, (n - 1) * sizeof *argv);
	p->argv = argv;
	p->program = argv[0];
	p->envp = make_env(h);
	path = p->envp ? find_env(&s->env, "PATH", 4) : NULL;
	if (!path)
		path = find_env(&s->base_env, "PATH", 4);
	p->path = path ? path + 5 : DEFAULT_PATH;
	return p->envp ? 0 : -1;
}

struct ends {
	int ours[3];
	int job[3];
};

static int
make_pipe(struct ends *e, int stdio)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	e->ours[stdio] = fds[stdio == 0];
	e->job[stdio] = fds[stdio != 0];
	return fd_set_nonblock(e->ours[stdio], true) < 0 ? -1 : 0;
}

/* One terminal for all three; the master twice, so that both of its directions are closed alone. */
static int
make_terminal(const struct spec *s, struct ends *e)
{
	struct winsize size = { .ws_row = s->pty_rows ? s->pty_rows : 24,
				.ws_col = s->pty_columns ? s->pty_columns : 80 };
	int unlock = 0, i, slave;

	e->ours[1] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (e->ours[1] < 0 || ioctl(e->ours[1], TIOCSPTLCK, &unlock) < 0 ||
	    ioctl(e->ours[1], TIOCSWINSZ, &size) < 0)
		return -1;
	slave = ioctl(e->ours[1], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -1;
	e->job[0] = slave;
	for (i = 1; i < 3; i++)
		e->job[i] = fcntl(slave, F_DUPFD_CLOEXEC, 3);
	e->ours[0] = fcntl(e->ours[1], F_DUPFD_CLOEXEC, 3);
	return e->job[1] < 0 || e->job[2] < 0 || e->ours[0] < 0 ? -1 : 0;
}

static int
make_stdio(const struct spec *s, struct ends *e)
{
	if (s->stdin_mode == SPEC_STDIN_PTY)
		return make_terminal(s, e);
	if (s->stdin_mode == SPEC_STDIN_PIPE) {
		if (make_pipe(e, 0) < 0)
			return -1;
	} else {
		e->job[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (e->job[0] < 0)
			return -1;
	}
	return make_pipe(e, 1) < 0 || make_pipe(e, 2) < 0 ? -1 : 0;
}

static void
close_all(int fds[3])
{
	int i;

	for (i = 0; i < 3; i++)
		fd_close(&fds[i]);
}

static int
give_up(struct failure *ret, const char *step, int errnum, const char *path)
{
	memset(ret, 0, sizeof *ret);
	(void)snprintf(ret->step, sizeof ret->step, "%s", step);
	(void)snprintf(ret->path, sizeof ret->path, "%s", path);
	ret->errnum = errnum;
	ret->failed_ns = clock_wall_ns();
	return -1;
}

static int
record_launch(struct holder *h)
{
	struct launch l = { .holder_pid = getpid(), .holder_ticks = process_ticks(getpid()) };

	process_boot_id(l.boot_id);
	return record_append_launch(h->recordfd, &l, h->spec.power_safe);
}

/* Start the command on the given ends. */
static int
start(struct holder *h, const int stdio[3], struct failure *ret)
{
	struct plan p = { .spec = &h->spec,
			  .raised = h->raised,
			  .holder = getpid(),
			  .is_terminal = h->spec.stdin_mode == SPEC_STDIN_PTY };
	pid_t pid;
	int rc;

	memcpy(p.stdio, stdio, sizeof p.stdio);
	if (make_argv(h, &p) < 0)
		return give_up(ret, "memory", ENOMEM, "");
	rc = record_launch(h);
	if (rc < 0)
		return give_up(ret, "record", -rc, RECORD_FILE);
	sys_stop_point("holder.launch");
	pid = spawn(&p);
	if (pid < 0)
		return give_up(ret, "clone", errno, "");
	if (p.failed_step)
		return give_up(ret, step_names[p.failed_step], p.failed_errno,
			       p.failed_step == STEP_CHDIR ? h->spec.cwd : p.program);
	h->begin.pid = pid;
	h->begin.start_ticks = process_ticks(pid);
	h->begin.started_ns = clock_wall_ns();
	return 0;
}

int
launch(struct holder *h, struct failure *ret)
{
	struct ends e = { { -1, -1, -1 }, { -1, -1, -1 } };
	bool has_input = h->spec.stdin_mode != SPEC_STDIN_NULL;
	int rc;

	if (make_stdio(&h->spec, &e) < 0)
		rc = give_up(ret, "stdio", errno,
			     h->spec.stdin_mode == SPEC_STDIN_PTY ? "/dev/ptmx" : "pipe");
	else
		rc = start(h, e.job, ret);
	if (rc == 0 && h->spec.stdin_mode == SPEC_STDIN_PTY) {
		h->terminalfd = e.job[0];
		e.job[0] = -1;
	}
	close_all(e.job);
	if (rc < 0) {
		close_all(e.ours);
		return rc;
	}
	output_begin(h, OUTLOG_OUT, e.ours[1]);
	if (e.ours[2] >= 0)
		output_begin(h, OUTLOG_ERR, e.ours[2]);
	if (has_input)
		input_begin(h, e.ours[0]);
	return 0;
}
