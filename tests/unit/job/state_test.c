/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <signal.h>
#include <sys/wait.h>

#include "job/state.h"

/* As job-life has it: forward only, an end from anywhere before it, nothing out of an end. */
static enum job_state
expected(enum job_state from, enum job_event event)
{
	static const enum job_state ends[JOB_EVENT_COUNT] = {
		[JOB_EV_COMPLETE] = JOB_COMPLETED,
		[JOB_EV_FAIL] = JOB_FAILED,
		[JOB_EV_KILL] = JOB_KILLED,
		[JOB_EV_LOSE] = JOB_LOST,
	};

	if (from != JOB_QUEUED && from != JOB_STARTING && from != JOB_RUNNING)
		return JOB_NONE;
	switch (event) {
	case JOB_EV_GO:
		return from == JOB_QUEUED ? JOB_STARTING : JOB_NONE;
	case JOB_EV_REQUEUE:
		return from == JOB_STARTING ? JOB_QUEUED : JOB_NONE;
	case JOB_EV_BEGIN:
		return from == JOB_RUNNING ? JOB_NONE : JOB_RUNNING;
	default:
		return ends[event];
	}
}

static void
every_pair_of_state_and_event_does_what_the_plan_says(void **state)
{
	int from, event;

	(void)state;
	for (from = JOB_NONE; from < JOB_STATE_COUNT; from++)
		for (event = 0; event < JOB_EVENT_COUNT; event++)
			if (job_state_next((enum job_state)from, (enum job_event)event) !=
			    expected((enum job_state)from, (enum job_event)event))
				fail_msg("%s, %s", job_state_word(from),
					 job_event_name((enum job_event)event));
}

static void
no_event_leads_out_of_an_end_and_every_other_state_can_end(void **state)
{
	int from, event, ways;

	(void)state;
	for (from = JOB_QUEUED; from < JOB_STATE_COUNT; from++) {
		for (event = 0, ways = 0; event < JOB_EVENT_COUNT; event++)
			ways += job_state_is_final(
				job_state_next((enum job_state)from, (enum job_event)event));
		assert_int_equal(ways, job_state_is_final(from) ? 0 : 4);
	}
}

static void
every_event_has_a_name_of_its_own(void **state)
{
	int a, b;

	(void)state;
	for (a = 0; a < JOB_EVENT_COUNT; a++) {
		assert_non_null(job_event_name((enum job_event)a));
		for (b = 0; b < a; b++)
			assert_string_not_equal(job_event_name((enum job_event)a),
						job_event_name((enum job_event)b));
	}
}

static void
the_words_are_those_that_the_plan_and_the_predecessor_promise(void **state)
{
	static const struct {
		enum job_state state;
		const char *word, *status;
		bool is_final;
	} rows[] = {
		{ JOB_QUEUED, "queued", "running", false },
		{ JOB_STARTING, "starting", "running", false },
		{ JOB_RUNNING, "running", "running", false },
		{ JOB_COMPLETED, "completed", "completed", true },
		{ JOB_FAILED, "failed", "failed", true },
		{ JOB_KILLED, "killed", "killed", true },
		{ JOB_LOST, "lost", "failed", true },
	};
	size_t i;

	(void)state;
	assert_int_equal(ARRAY_SIZE(rows), JOB_STATE_COUNT - 1);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(job_state_word(rows[i].state), rows[i].word);
		assert_string_equal(job_status_word(rows[i].state), rows[i].status);
		assert_int_equal(job_state_is_final(rows[i].state), rows[i].is_final);
		assert_int_equal(job_state_from_word(rows[i].word), rows[i].state);
	}
	assert_string_equal(job_state_word(JOB_STATE_COUNT), "?");
	assert_string_equal(job_state_word(-1), "?");
	assert_int_equal(job_state_from_word("ended"), JOB_NONE);
	assert_int_equal(job_state_from_word(""), JOB_NONE);
}

#define EXITED(code) ((code) << 8)
#define DIED(signal) (signal)

/* The table of job-life section 6. */
static const struct {
	const char *what;
	struct end end;
	struct outcome outcome;
} ends[] = {
#define END(c, status, sent)                                                 \
	{                                                                    \
		.cause = (c), .wait_status = (status), .last_signal = (sent) \
	}
	{ "exit 0", END(END_BY_ITSELF, EXITED(0), 0), { JOB_EV_COMPLETE, REASON_EXIT, 0 } },
	{ "exit 1", END(END_BY_ITSELF, EXITED(1), 0), { JOB_EV_FAIL, REASON_EXIT, 1 } },
	{ "exit 255", END(END_BY_ITSELF, EXITED(255), 0), { JOB_EV_FAIL, REASON_EXIT, 255 } },
	{ "died", END(END_BY_ITSELF, DIED(SIGSEGV), 0), { JOB_EV_FAIL, REASON_SIGNAL, 139 } },
	{ "died, core",
	  END(END_BY_ITSELF, DIED(SIGABRT) | 0x80, 0),
	  { JOB_EV_FAIL, REASON_SIGNAL, 134 } },
	{ "killed from outside",
	  END(END_BY_ITSELF, DIED(SIGKILL), 0),
	  { JOB_EV_FAIL, REASON_SIGNAL, 137 } },
	{ "stopped, died",
	  END(END_BY_USER, DIED(SIGTERM), SIGTERM),
	  { JOB_EV_KILL, REASON_USER, 143 } },
	{ "stopped, exit 0",
	  END(END_BY_USER, EXITED(0), SIGTERM),
	  { JOB_EV_KILL, REASON_USER, 143 } },
	{ "stopped, exit 3",
	  END(END_BY_USER, EXITED(3), SIGINT),
	  { JOB_EV_KILL, REASON_USER, 130 } },
	{ "stopped, then killed",
	  END(END_BY_USER, DIED(SIGKILL), SIGKILL),
	  { JOB_EV_KILL, REASON_USER, 137 } },
	{ "timeout",
	  END(END_BY_TIMEOUT, DIED(SIGTERM), SIGTERM),
	  { JOB_EV_KILL, REASON_TIMEOUT, 143 } },
	{ "timeout, exit 0",
	  END(END_BY_TIMEOUT, EXITED(0), SIGTERM),
	  { JOB_EV_KILL, REASON_TIMEOUT, 143 } },
	{ "idle",
	  END(END_BY_IDLE_TIMEOUT, DIED(SIGKILL), SIGKILL),
	  { JOB_EV_KILL, REASON_TIMEOUT, 137 } },
	{ "limit", END(END_BY_LIMIT, DIED(SIGTERM), SIGTERM), { JOB_EV_KILL, REASON_LIMIT, 143 } },
	{ "oom", END(END_BY_OOM, DIED(SIGKILL), 0), { JOB_EV_FAIL, REASON_OOM, 137 } },
	{ "oom, exit 1", END(END_BY_OOM, EXITED(1), 0), { JOB_EV_FAIL, REASON_OOM, 137 } },
	{ "of a newer holder",
	  END((enum end_cause)99, EXITED(0), 0),
	  { JOB_EV_LOSE, REASON_LOST, 125 } },
#undef END
};

static void
every_end_means_what_the_table_says(void **state)
{
	struct outcome o;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		o = outcome_of_end(&ends[i].end);
		if (o.event != ends[i].outcome.event || o.reason != ends[i].outcome.reason ||
		    o.shell_code != ends[i].outcome.shell_code)
			fail_msg("%s: %s, %s, %d", ends[i].what, job_event_name(o.event),
				 job_reason_word(o.reason), o.shell_code);
	}
}

/* Whatever the kernel says of the main process, every cause has a row. */
static void
no_cause_and_status_is_without_an_outcome(void **state)
{
	struct end end = { .last_signal = SIGTERM };
	struct outcome o;
	int cause, status;

	(void)state;
	for (cause = END_BY_ITSELF; cause <= END_BY_OOM; cause++)
		for (status = 0; status <= 0xffff; status++) {
			if (!WIFEXITED(status) && !WIFSIGNALED(status))
				continue; /* stopped: not an end */
			end.cause = (enum end_cause)cause;
			end.wait_status = status;
			o = outcome_of_end(&end);
			assert_true(o.event == JOB_EV_COMPLETE || o.event == JOB_EV_FAIL ||
				    o.event == JOB_EV_KILL);
			assert_true((o.shell_code == 0) == (o.event == JOB_EV_COMPLETE));
			assert_true(o.shell_code >= 0 && o.shell_code <= 255);
		}
}

static void
a_failed_start_is_told_as_a_shell_would(void **state)
{
	static const struct {
		struct failure failure;
		struct outcome outcome;
	} rows[] = {
		{ { .step = "exec", .errnum = ENOENT }, { JOB_EV_FAIL, REASON_SPAWN, 127 } },
		{ { .step = "exec", .errnum = ENOTDIR }, { JOB_EV_FAIL, REASON_SPAWN, 127 } },
		{ { .step = "exec", .errnum = EACCES }, { JOB_EV_FAIL, REASON_SPAWN, 126 } },
		{ { .step = "exec", .errnum = ENOEXEC }, { JOB_EV_FAIL, REASON_SPAWN, 126 } },
		{ { .step = "exec", .errnum = E2BIG }, { JOB_EV_FAIL, REASON_SPAWN, 126 } },
		{ { .step = "chdir", .errnum = ENOENT }, { JOB_EV_FAIL, REASON_SPAWN, 126 } },
		{ { .step = "", .errnum = 0 }, { JOB_EV_FAIL, REASON_SPAWN, 126 } },
		{ { .step = "cancelled" }, { JOB_EV_KILL, REASON_USER, 143 } },
		{ { .step = "cancelled", .errnum = ENOENT }, { JOB_EV_KILL, REASON_USER, 143 } },
	};
	struct outcome o;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		o = outcome_of_failure(&rows[i].failure);
		assert_int_equal(o.event, rows[i].outcome.event);
		assert_int_equal(o.reason, rows[i].outcome.reason);
		assert_int_equal(o.shell_code, rows[i].outcome.shell_code);
	}
	o = outcome_of_loss();
	assert_int_equal(o.event, JOB_EV_LOSE);
	assert_int_equal(o.reason, REASON_LOST);
	assert_int_equal(o.shell_code, 125);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_state_and_event_does_what_the_plan_says),
		cmocka_unit_test(no_event_leads_out_of_an_end_and_every_other_state_can_end),
		cmocka_unit_test(every_event_has_a_name_of_its_own),
		cmocka_unit_test(the_words_are_those_that_the_plan_and_the_predecessor_promise),
		cmocka_unit_test(every_end_means_what_the_table_says),
		cmocka_unit_test(no_cause_and_status_is_without_an_outcome),
		cmocka_unit_test(a_failed_start_is_told_as_a_shell_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
