/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "mcp/server.h"
#include "mcp_http/session.h"

#include "../../fixtures/mcp_tools.h"

static const struct mcp_tool tools[] = { TEST_TOOLS };

static void
send_nowhere(void *arg, const struct mcp_outgoing *out)
{
	(void)arg, (void)out;
}

static int
setup(void **state)
{
	static const struct mcp_server_config config = {
		.name = "test", .version = "1", .tools = tools, .n_tools = ARRAY_SIZE(tools)
	};
	struct sessions *s = calloc(1, sizeof *s);
	struct mcp_server *server;
	struct err err = { 0 };

	assert_non_null(s);
	assert_ok(mcp_server_new(&config, &server, &err), &err);
	s->server = server;
	s->mcp = (struct mcp_session_config){ .send = send_nowhere };
	s->streams = (struct stream_limits){ .most = 1000, .stream_most = 500 };
	s->most = 3;
	s->idle_ms = 100;
	s->replay_ms = 50;
	sessions_init(s);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct sessions *s = *state;

	sessions_fini(s);
	assert_int_equal(s->streams.used, 0);
	mcp_server_free((struct mcp_server *)s->server);
	free(s);
	return 0;
}

static struct http_session *
open_session(struct sessions *s)
{
	struct http_session *session;
	struct err err = { 0 };

	assert_ok(session_new(s, &session, &err), &err);
	return session;
}

static void
a_session_is_found_by_its_id_until_it_ends(void **state)
{
	struct sessions *s = *state;
	struct http_session *one = open_session(s), *two = open_session(s);
	char id[SESSION_ID_LEN + 1];

	assert_int_equal(strlen(one->id), SESSION_ID_LEN);
	assert_int_equal(strspn(one->id, "0123456789abcdef"), SESSION_ID_LEN);
	assert_string_not_equal(one->id, two->id);
	assert_ptr_equal(sessions_find(s, one->id), one);
	memcpy(id, one->id, sizeof id);
	session_free(one);
	assert_null(sessions_find(s, id));
	assert_null(sessions_find(s, ""));
	assert_ptr_equal(sessions_find(s, two->id), two);
}

static void
the_session_that_was_quiet_longest_makes_room(void **state)
{
	struct sessions *s = *state;
	struct http_session *all[3];
	char id[SESSION_ID_LEN + 1];
	struct err err = { 0 };
	size_t i;

	for (i = 0; i < 3; i++)
		all[i] = open_session(s);
	assert_ptr_equal(sessions_find(s, all[0]->id), all[0]);
	memcpy(id, all[1]->id, sizeof id);
	all[1] = open_session(s);
	assert_null(sessions_find(s, id));
	for (i = 0; i < 3; i++)
		all[i]->exchanges = 1;
	assert_int_equal(session_new(s, &all[0], &err), ERR_RESOURCE_EXHAUSTED);
}

static void
quiet_sessions_end_in_time_and_busy_ones_do_not(void **state)
{
	struct sessions *s = *state;
	struct http_session *quiet = open_session(s), *busy = open_session(s);

	busy->exchanges = 1;
	sessions_sweep(s, quiet->used_ms + 100);
	assert_int_equal(s->by_id.len, 2);
	sessions_sweep(s, quiet->used_ms + 101);
	assert_int_equal(s->by_id.len, 1);
	assert_ptr_equal(sessions_find(s, busy->id), busy);
}

static void
a_stream_keeps_its_newest_events_and_always_the_last(void **state)
{
	struct sessions *s = *state;
	struct http_session *session = open_session(s);
	struct stream *stream = session_stream_new(session);
	static char large[2000];
	int i;

	for (i = 0; i < 100; i++)
		stream_send(stream, "{\"a\":1}", 7);
	assert_int_equal(stream->number, 100);
	assert_in_range(stream->kept, 400, 500);
	assert_int_equal(s->streams.used, stream->kept);
	stream_send(stream, large, sizeof large);
	assert_int_equal(STAILQ_FIRST(&stream->events)->number, 101);
	assert_int_equal(STAILQ_FIRST(&stream->events)->len, sizeof large);
}

static void
all_streams_share_what_may_be_kept(void **state)
{
	struct sessions *s = *state;
	struct http_session *session = open_session(s);
	struct stream *stream;
	int i, k;

	for (i = 0; i < 5; i++) {
		stream = session_stream_new(session);
		for (k = 0; k < 50; k++)
			stream_send(stream, "{\"a\":1}", 7);
	}
	/* One event each beyond it, at most: the newest is always kept. */
	assert_in_range(s->streams.used, 900, 1000 + 5 * (sizeof(struct stream_event) + 7));
}

static void
ended_streams_are_kept_in_number_and_time(void **state)
{
	struct sessions *s = *state;
	struct http_session *session = open_session(s);
	struct stream *open = session_stream_new(session), *stream;
	uint64_t i;

	for (i = 0; i < 2 * SESSION_STREAMS_KEPT; i++) {
		stream = session_stream_new(session);
		stream_end(stream, session->used_ms + (int64_t)i);
	}
	assert_ptr_equal(session_stream_find(session, open->name), open);
	assert_null(session_stream_find(session, open->name + SESSION_STREAMS_KEPT));
	assert_non_null(session_stream_find(session, open->name + SESSION_STREAMS_KEPT + 1));
	assert_ptr_equal(session_stream_find(session, 0), &session->general);
	sessions_sweep(s, session->used_ms + 50 + 2 * SESSION_STREAMS_KEPT - 2);
	assert_ptr_equal(session_stream_find(session, stream->name), stream);
	assert_null(session_stream_find(session, stream->name - 1));
	sessions_sweep(s, session->used_ms + 50 + 2 * SESSION_STREAMS_KEPT - 1);
	assert_ptr_equal(TAILQ_FIRST(&session->streams), open);
	assert_null(TAILQ_NEXT(open, entry));
}

static void
ids_of_events_are_two_numbers(void **state)
{
	static const char *const bad[] = { "",
					   "-",
					   "1",
					   "1-",
					   "-1",
					   "1-2-3",
					   "a-1",
					   "1-b",
					   " 1-2",
					   "1- 2",
					   "+1-2",
					   "1-+2",
					   "1 -2",
					   "99999999999999999999-1",
					   "1-99999999999999999999" };
	uint64_t name, number;
	size_t i;

	(void)state;
	assert_true(stream_read_id("7-12", &name, &number));
	assert_int_equal(name, 7);
	assert_int_equal(number, 12);
	assert_true(stream_read_id("0-0", &name, &number));
	assert_true(stream_read_id("18446744073709551615-1", &name, &number));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (stream_read_id(bad[i], &name, &number))
			fail_msg("'%s'", bad[i]);
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_session_is_found_by_its_id_until_it_ends),
		T(the_session_that_was_quiet_longest_makes_room),
		T(quiet_sessions_end_in_time_and_busy_ones_do_not),
		T(a_stream_keeps_its_newest_events_and_always_the_last),
		T(all_streams_share_what_may_be_kept),
		T(ended_streams_are_kept_in_number_and_time),
		cmocka_unit_test(ids_of_events_are_two_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
