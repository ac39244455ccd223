/* SPDX-License-Identifier: MIT */
#include "engine/run.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sys.h"
#include "base/work.h"
#include "bus/bus.h"
#include "engine/call.h"
#include "engine/engine.h"
#include "engine/events.h"
#include "engine/logfile.h"
#include "engine/rpc.h"
#include "engine/stream.h"
#include "job/jobs.h"
#include "proc/spawner.h"
#include "store/store.h"

#define WORKERS       2
#define RETRY_MS      100
#define KEYS_KEPT_NS  (24LL * 3600 * 1000000000)
#define DATABASE      "jobwire.db"
#define CLOSE_LIMIT_S 2
#define PATH_SIZE     (PATH_MAX + 32)

static char *
database_path(const struct engine *eng, char out[PATH_SIZE])
{
	(void)snprintf(out, PATH_SIZE, "%s/" DATABASE, eng->endpoint.path);
	return out;
}

/* ---- what happens to jobs ---- */

static void
log_event(const struct store_job *row, enum jobs_event kind, const char *detail)
{
	static const char *const phrases[] = {
		[JOBS_EVENT_STATE] = "job state",
		[JOBS_EVENT_CLOSED] = "job closed",
		[JOBS_EVENT_REMOVED] = "job removed",
		[JOBS_EVENT_NOTE] = "job note",
	};

	log_at(kind == JOBS_EVENT_CLOSED ? LOG_DEBUG : LOG_INFO, phrases[kind],
	       log_str("job", row->id), log_str("state", job_state_word((int)row->state)),
	       log_if("reason", job_reason_word((int)row->reason)), log_num("pid", row->pid),
	       log_num("code", row->shell_code), log_if("detail", detail));
}

static void
on_job_event(void *arg, const struct store_job *row, enum jobs_event kind, const char *detail,
	     uint64_t count)
{
	Jobwire__V1__Event e = JOBWIRE__V1__EVENT__INIT;
	struct engine *eng = arg;

	log_event(row, kind, detail);
	e.kind = (Jobwire__V1__EventKind)kind;
	e.job_id = (char *)(uintptr_t)row->id;
	e.topic_seq = count;
	e.state = (Jobwire__V1__State)row->state;
	e.reason = (Jobwire__V1__Reason)row->reason;
	e.detail = (char *)(uintptr_t)detail;
	e.shell_code = (int32_t)row->shell_code;
	e.name = (char *)(uintptr_t)row->name;
	e.pid = (int32_t)row->pid;
	e.group = (char *)(uintptr_t)row->grp;
	events_add(eng->events, &e);
	if (kind == JOBS_EVENT_CLOSED || kind == JOBS_EVENT_REMOVED)
		stream_closed(eng->stream, row->id);
}

static void
on_job_output(void *arg, struct job *job)
{
	struct engine *eng = arg;

	stream_output(eng->stream, job);
}

static void
engine_event(struct engine *eng, Jobwire__V1__EventKind kind)
{
	Jobwire__V1__Event e = JOBWIRE__V1__EVENT__INIT;

	e.kind = kind;
	e.pid = getpid();
	events_add(eng->events, &e);
}

/* ---- the end of a turn ---- */

static void
say_trouble(struct engine *eng, const struct err *err)
{
	const struct timeval soon = { 0, RETRY_MS * 1000 };

	if (!*eng->trouble)
		log_error("cannot write to the database", log_str("error", err->msg));
	(void)snprintf(eng->trouble, sizeof eng->trouble, "%.255s", err->msg);
	(void)event_add(eng->retry_event, &soon);
}

/* True: nothing is left that must be written. */
static bool
write_changes(struct engine *eng)
{
	struct err err = { 0 };
	int rc;

	if (!jobs_is_dirty(eng->jobs) && !events_pending(eng->events) && !*eng->trouble)
		return true;
	if (event_pending(eng->retry_event, EV_TIMEOUT, NULL) && !eng->stopping)
		return false;
	rc = store_begin(eng->store, &err);
	if (rc == 0)
		rc = jobs_flush(eng->jobs, &err);
	if (rc == 0)
		rc = events_store(eng->events, &err);
	if (rc == 0)
		rc = store_commit(eng->store, &err);
	if (rc < 0) {
		/* What jobs are is in memory and in their folders: nothing is lost, and it is
		 * written when the disk takes it again. */
		store_rollback(eng->store);
		say_trouble(eng, &err);
		return false;
	}
	jobs_flushed(eng->jobs);
	if (*eng->trouble)
		log_info("the database takes writes again");
	eng->trouble[0] = '\0';
	return true;
}

struct checkpoint {
	struct work work;
	struct engine *eng;
	char path[PATH_SIZE];
	int rc;
	struct err err;
};

static void
checkpoint_run(struct work *w)
{
	struct checkpoint *c = container_of(w, struct checkpoint, work);

	c->rc = store_checkpoint(c->path, &c->err);
}

static void
checkpoint_done(struct work *w)
{
	struct checkpoint *c = container_of(w, struct checkpoint, work);

	if (c->rc == 0 && store_wal_is_long(c->eng->store))
		c->rc = store_fold_rest(c->eng->store, &c->err);
	if (c->rc < 0)
		log_warn("checkpoint failed", log_str("error", c->err.msg));
	c->eng->checkpointing = false;
	free(c);
}

static void
checkpoint_dropped(struct work *w)
{
	free(container_of(w, struct checkpoint, work));
}

/* Now and then: fold the write-ahead log back, forget the oldest events and the keys of jobs that
 * are gone, turn the log file over. */
static void
tidy(struct engine *eng)
{
	struct checkpoint *c;
	struct err err = { 0 };

	if (eng->checkpointing || !store_wants_checkpoint(eng->store))
		return;
	if (store_events_prune(eng->store, eng->settings.events_kept, &err) < 0)
		log_warn("events could not be pruned", log_str("error", err.msg));
	if (store_keys_prune(eng->store, clock_wall_ns() - KEYS_KEPT_NS, &err) < 0)
		log_warn("idempotency keys could not be pruned", log_str("error", err.msg));
	if (eng->settings.background)
		logfile_turn_over(&eng->endpoint);
	c = calloc(1, sizeof *c);
	if (!c)
		return;
	c->work.run = checkpoint_run;
	c->work.done = checkpoint_done;
	c->work.drop = checkpoint_dropped;
	c->eng = eng;
	(void)database_path(eng, c->path);
	eng->checkpointing = true;
	work_submit(eng->work, &c->work);
}

void
engine_turn(struct engine *eng)
{
	bool written;

	do {
		/* Who is told of an event may rely on it; what a job is, its folder says too. */
		written = write_changes(eng);
		if (written)
			events_publish(eng->events);
		jobs_notify(eng->jobs);
	} while (jobs_has_news(eng->jobs) || (written && events_pending(eng->events)));
	engine_check_ending(eng);
	tidy(eng);
}

void
engine_stop(struct engine *eng)
{
	if (!eng->stopping)
		engine_event(eng, JOBWIRE__V1__EVENT_KIND__EVENT_ENGINE_STOPPING);
	eng->stopping = true;
}

/* ---- what the loop waits for ---- */

static void
on_request(void *arg, const struct rpc_request *r)
{
	call_begin(arg, r);
}

static void
on_client_gone(void *arg, uint32_t pipe)
{
	call_client_gone(arg, pipe);
}

static void
on_rpc(evutil_socket_t fd, short what, void *arg)
{
	struct engine *eng = arg;

	(void)fd, (void)what;
	rpc_collect(eng->rpc);
}

static void
on_bus(evutil_socket_t fd, short what, void *arg)
{
	struct engine *eng = arg;

	(void)fd, (void)what;
	stream_listen(eng->stream, bus_subscribers(eng->bus));
}

static void
on_work(evutil_socket_t fd, short what, void *arg)
{
	struct engine *eng = arg;

	(void)fd, (void)what;
	work_pool_collect(eng->work);
}

static void
on_child(evutil_socket_t fd, short what, void *arg)
{
	struct engine *eng = arg;

	(void)fd, (void)what;
	jobs_reap(eng->jobs);
}

static void
on_terminate(evutil_socket_t sig, short what, void *arg)
{
	struct engine *eng = arg;

	(void)what;
	log_info("engine asked to end", log_num("signal", sig));
	engine_stop(eng);
}

static void
on_debug(evutil_socket_t sig, short what, void *arg)
{
	static enum log_level before = LOG_INFO;

	(void)sig, (void)what, (void)arg;
	if (log_get_level() == LOG_DEBUG) {
		log_set_level(before);
	} else {
		before = log_get_level();
		log_set_level(LOG_DEBUG);
	}
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg; /* the end of this turn tries again */
}

static const struct {
	int signal;
	event_callback_fn handle;
} signals[] = {
	{ SIGCHLD, on_child },    { SIGTERM, on_terminate }, { SIGINT, on_terminate },
	{ SIGHUP, on_terminate }, { SIGUSR2, on_debug },
};

static int
watch(struct engine *eng, int fd, short what, event_callback_fn handle, struct err *err)
{
	struct event *ev = event_new(eng->base, fd, (short)(what | EV_PERSIST), handle, eng);

	if (!ev)
		return err_sys(err, ENOMEM, "event loop");
	eng->watches[eng->n_watches++] = ev;
	return event_add(ev, NULL) < 0 ? err_sys(err, ENOMEM, "event loop") : 0;
}

static int
watch_everything(struct engine *eng, struct err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(signals) && rc == 0; i++)
		rc = watch(eng, signals[i].signal, EV_SIGNAL, signals[i].handle, err);
	if (rc == 0)
		rc = watch(eng, rpc_fd(eng->rpc), EV_READ, on_rpc, err);
	if (rc == 0)
		rc = watch(eng, bus_fd(eng->bus), EV_READ, on_bus, err);
	if (rc == 0)
		rc = watch(eng, work_pool_fd(eng->work), EV_READ, on_work, err);
	if (rc < 0)
		return rc;
	eng->retry_event = evtimer_new(eng->base, on_retry, eng);
	return eng->retry_event ? 0 : err_sys(err, ENOMEM, "event loop");
}

_Static_assert(ARRAY_SIZE(signals) + 3 <= ARRAY_SIZE(((struct engine *)0)->watches),
	       "watch_everything() fills them");

/* ---- opening ---- */

/* A socket's name may hold the socket of an engine that died; its lock, which we have, says that it
 * is dead. NNG would remove whatever lies there, even a file of somebody's. */
static int
clear_socket(struct engine *eng, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(eng->endpoint.dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0
				       : err_sys(err, errno, "%.200s/%s", eng->endpoint.path, name);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_FAILED_PRECONDITION,
			       "%.300s/%s is in the way: it is not a socket; move it aside",
			       eng->endpoint.path, name);
	if (unlinkat(eng->endpoint.dirfd, name, 0) < 0)
		return err_sys(err, errno, "remove %.200s/%s", eng->endpoint.path, name);
	return 0;
}

static int
open_sockets(struct engine *eng, struct err *err)
{
	const struct rpc_handlers handlers = { on_request, on_client_gone, eng };
	int rc;

	rc = clear_socket(eng, ENDPOINT_REQUESTS, err);
	if (rc == 0)
		rc = clear_socket(eng, ENDPOINT_EVENTS, err);
	if (rc == 0)
		rc = bus_new(eng->endpoint.dirfd, &eng->bus, err);
	return rc < 0 ? rc : rpc_new(eng->endpoint.dirfd, &handlers, &eng->rpc, err);
}

static int
open_jobs(struct engine *eng, struct err *err)
{
	const struct jobs_config config = {
		.base = eng->base,
		.store = eng->store,
		.spawner = eng->spawner,
		.work = eng->work,
		.statefd = eng->endpoint.dirfd,
		.max_running = eng->settings.max_running,
		.max_queued = eng->settings.max_queued,
		.session_grace_ms = eng->settings.session_grace,
		.hooks = { on_job_event, on_job_output, eng },
	};
	int rc;

	rc = jobs_new(&config, &eng->jobs, err);
	return rc < 0 ? rc : jobs_load(eng->jobs, err);
}

static int
open_store(struct engine *eng, struct err *err)
{
	char path[PATH_SIZE];
	int fd, rc;

	/* SQLite gives its files the mode of the first one. */
	fd = sys_openat(eng->endpoint.dirfd, DATABASE, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(err, errno, "%.300s/" DATABASE, eng->endpoint.path);
	(void)close(fd);
	rc = store_open(database_path(eng, path), &eng->store, err);
	return rc < 0 ? rc : store_next_epoch(eng->store, &eng->epoch, err);
}

/* Before anything else opens descriptors: the spawner needs its numbers. */
static int
open_spawner(struct engine *eng, struct err *err)
{
	char path[PATH_SIZE];
	const char *holder = eng->settings.holder;
	char *slash;
	ssize_t n;
	int logfd, rc;

	if (!holder) {
		n = readlink("/proc/self/exe", path, PATH_MAX);
		if (n < 0)
			return err_sys(err, errno, "find jobwire-holder");
		path[n] = '\0';
		slash = strrchr(path, '/');
		(void)snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path),
			       "jobwire-holder");
		holder = path;
	}
	logfd = logfile_open(&eng->endpoint, err);
	if (logfd < 0)
		return logfd;
	rc = spawner_new(holder, logfd, &eng->spawner, err);
	(void)close(logfd);
	return rc;
}

/* Each live job has a socket, each reader a few files. */
static void
raise_descriptor_limit(struct engine *eng)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	eng->original_nofile = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int
engine_open(struct engine *eng, struct err *err)
{
	int rc;

	eng->started_ns = clock_wall_ns();
	raise_descriptor_limit(eng);
	(void)signal(SIGPIPE, SIG_IGN);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "become a subreaper");
	rc = open_spawner(eng, err);
	if (rc < 0)
		return rc;
	eng->base = event_base_new();
	if (!eng->base)
		return err_sys(err, ENOMEM, "event loop");
	if ((rc = work_pool_new(WORKERS, &eng->work, err)) < 0 || (rc = open_store(eng, err)) < 0 ||
	    (rc = events_new(eng, &eng->events, err)) < 0 ||
	    (rc = stream_new(eng, &eng->stream, err)) < 0 || (rc = open_jobs(eng, err)) < 0 ||
	    (rc = open_sockets(eng, err)) < 0 || (rc = watch_everything(eng, err)) < 0)
		return rc;
	engine_event(eng, JOBWIRE__V1__EVENT_KIND__EVENT_ENGINE_STARTED);
	return 0;
}

void
engine_run(struct engine *eng)
{
	engine_turn(eng);
	while (!eng->stopping) {
		if (event_base_loop(eng->base, EVLOOP_ONCE) < 0)
			BUG("event loop: errno %d", errno);
		engine_turn(eng);
	}
	engine_turn(eng);
}

static void *
close_sockets(void *arg)
{
	struct engine *eng = arg;

	rpc_free(eng->rpc);
	bus_free(eng->bus);
	return NULL;
}

/* NNG 1.5.2 may wait for ever when a socket is closed on which much is under way (nanomsg/nng#1543,
 * and others like it up to 1.8). When this is called nothing of ours depends on the sockets any
 * more, and the process is about to end: what hangs is left behind. */
static void
close_sockets_or_give_up(struct engine *eng)
{
	struct timespec deadline;
	pthread_t thread;

	(void)clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += CLOSE_LIMIT_S;
	if (pthread_create(&thread, NULL, close_sockets, eng) != 0)
		(void)close_sockets(eng);
	else if (pthread_timedjoin_np(thread, NULL, &deadline) != 0)
		log_warn("the sockets could not be closed; leaving without");
}

void
engine_close(struct engine *eng)
{
	if (eng->rpc)
		call_end_all(eng);
	work_pool_free(eng->work);
	jobs_free(eng->jobs);
	stream_free(eng->stream);
	events_free(eng->events);
	store_close(eng->store);
	spawner_free(eng->spawner);
	while (eng->n_watches)
		event_free(eng->watches[--eng->n_watches]);
	if (eng->retry_event)
		event_free(eng->retry_event);
	if (eng->ending.deadline)
		event_free(eng->ending.deadline);
	if (eng->base)
		event_base_free(eng->base);
	close_sockets_or_give_up(eng);
}
