/* SPDX-License-Identifier: MIT */
#include "job/state.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"

/* An empty cell is JOB_NONE: every pair that is not written here is refused. */
static const unsigned char next[JOB_STATE_COUNT][JOB_EVENT_COUNT] = {
	[JOB_QUEUED] = { [JOB_EV_GO] = JOB_STARTING,
			 /* An engine that died behind its GO finds the job ahead of its row. */
			 [JOB_EV_BEGIN] = JOB_RUNNING,
			 [JOB_EV_COMPLETE] = JOB_COMPLETED,
			 [JOB_EV_FAIL] = JOB_FAILED,
			 [JOB_EV_KILL] = JOB_KILLED,
			 [JOB_EV_LOSE] = JOB_LOST },
	[JOB_STARTING] = { [JOB_EV_REQUEUE] = JOB_QUEUED,
			   [JOB_EV_BEGIN] = JOB_RUNNING,
			   [JOB_EV_COMPLETE] = JOB_COMPLETED,
			   [JOB_EV_FAIL] = JOB_FAILED,
			   [JOB_EV_KILL] = JOB_KILLED,
			   [JOB_EV_LOSE] = JOB_LOST },
	[JOB_RUNNING] = { [JOB_EV_COMPLETE] = JOB_COMPLETED,
			  [JOB_EV_FAIL] = JOB_FAILED,
			  [JOB_EV_KILL] = JOB_KILLED,
			  [JOB_EV_LOSE] = JOB_LOST },
};

static const char *const event_names[JOB_EVENT_COUNT] = {
	[JOB_EV_GO] = "go",       [JOB_EV_REQUEUE] = "requeue",
	[JOB_EV_BEGIN] = "begin", [JOB_EV_COMPLETE] = "complete",
	[JOB_EV_FAIL] = "fail",   [JOB_EV_KILL] = "kill",
	[JOB_EV_LOSE] = "lose",
};

enum job_state
job_state_next(enum job_state state, enum job_event event)
{
	return (enum job_state)next[state][event];
}

const char *
job_event_name(enum job_event event)
{
	return event_names[event];
}

/* How the main process went. */
enum exit_kind {
	EXIT_ZERO,
	EXIT_NONZERO,
	EXIT_SIGNAL,
	EXIT_ANY,
};

enum code_rule {
	CODE_EXIT,        /* its exit code */
	CODE_SIGNAL,      /* 128 + the signal that it died of */
	CODE_LAST_SIGNAL, /* 128 + the last signal that was sent to it */
	CODE_KILL,        /* 137 */
};

/* The first row that fits counts. */
static const struct {
	enum end_cause cause;
	enum exit_kind kind;
	enum job_event event;
	enum job_reason reason;
	enum code_rule code;
} outcomes[] = {
	{ END_BY_ITSELF, EXIT_ZERO, JOB_EV_COMPLETE, REASON_EXIT, CODE_EXIT },
	{ END_BY_ITSELF, EXIT_NONZERO, JOB_EV_FAIL, REASON_EXIT, CODE_EXIT },
	{ END_BY_ITSELF, EXIT_SIGNAL, JOB_EV_FAIL, REASON_SIGNAL, CODE_SIGNAL },
	{ END_BY_USER, EXIT_ANY, JOB_EV_KILL, REASON_USER, CODE_LAST_SIGNAL },
	{ END_BY_TIMEOUT, EXIT_ANY, JOB_EV_KILL, REASON_TIMEOUT, CODE_LAST_SIGNAL },
	{ END_BY_IDLE_TIMEOUT, EXIT_ANY, JOB_EV_KILL, REASON_TIMEOUT, CODE_LAST_SIGNAL },
	{ END_BY_LIMIT, EXIT_ANY, JOB_EV_KILL, REASON_LIMIT, CODE_LAST_SIGNAL },
	{ END_BY_OOM, EXIT_ANY, JOB_EV_FAIL, REASON_OOM, CODE_KILL },
};

static enum exit_kind
kind_of(int status)
{
	if (WIFSIGNALED(status))
		return EXIT_SIGNAL;
	return WEXITSTATUS(status) ? EXIT_NONZERO : EXIT_ZERO;
}

static int
shell_code(enum code_rule rule, const struct end *e)
{
	switch (rule) {
	case CODE_EXIT:
		return WEXITSTATUS(e->wait_status);
	case CODE_SIGNAL:
		return 128 + WTERMSIG(e->wait_status);
	case CODE_LAST_SIGNAL:
		return 128 + e->last_signal;
	case CODE_KILL:
		return 128 + SIGKILL;
	}
	BUG("code rule %d", (int)rule);
}

struct outcome
outcome_of_end(const struct end *end)
{
	enum exit_kind kind = kind_of(end->wait_status);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(outcomes); i++)
		if (outcomes[i].cause == end->cause &&
		    (outcomes[i].kind == kind || outcomes[i].kind == EXIT_ANY))
			return (struct outcome){ outcomes[i].event, outcomes[i].reason,
						 shell_code(outcomes[i].code, end) };
	return outcome_of_loss(); /* a cause of a newer holder */
}

struct outcome
outcome_of_failure(const struct failure *failure)
{
	bool not_found = failure->errnum == ENOENT || failure->errnum == ENOTDIR;

	if (strcmp(failure->step, FAILURE_CANCELLED) == 0)
		return (struct outcome){ JOB_EV_KILL, REASON_USER, 128 + SIGTERM };
	return (struct outcome){ JOB_EV_FAIL, REASON_SPAWN,
				 not_found && strcmp(failure->step, "exec") == 0 ? 127 : 126 };
}

struct outcome
outcome_of_loss(void)
{
	return (struct outcome){ JOB_EV_LOSE, REASON_LOST, 125 };
}
