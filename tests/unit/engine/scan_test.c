/* SPDX-License-Identifier: MIT */
#include "temp.h"

#include <poll.h>

#include "base/work.h"
#include "engine/engine.h"
#include "engine/scan.h"
#include "jobdir/folder.h"
#include "outlog/outlog.h"
#include "wire/message.h"

#define ID "ab234567-89ab-4cde-8f01-23456789abcd"

struct fixture {
	struct temp *temp;
	struct engine eng;
	int dirfd;
	struct outlog *log;
	struct scan *scan;
	int done;
	struct err err;
};

static int
setup(void **state)
{
	static struct fixture f;
	void *temp;

	memset(&f, 0, sizeof f);
	(void)temp_setup(&temp);
	f.temp = temp;
	f.eng.endpoint.dirfd = f.temp->fd;
	assert_ok(work_pool_new(1, &f.eng.work, &f.err), &f.err);
	assert_int_equal(folder_create(f.temp->fd, ID, &f.dirfd), 0);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	void *temp = f->temp;

	scan_cancel(f->scan);
	work_pool_free(f->eng.work);
	outlog_free(f->log);
	fd_close(&f->dirfd);
	return temp_teardown(&temp);
}

static void
open_log(struct fixture *f, uint64_t cap_bytes)
{
	assert_ok(outlog_new(f->dirfd, cap_bytes, OUTLOG_DROP_OLDEST, &f->log, &f->err), &f->err);
}

static void
put(struct fixture *f, enum outlog_stream stream, const char *text)
{
	size_t taken;

	assert_int_equal(outlog_append(f->log, stream, 1, text, strlen(text), &taken), 0);
}

static void
on_done(void *arg)
{
	struct fixture *f = arg;

	f->done++;
}

static Jobwire__V1__Pattern
pattern_of(const char *regex, Jobwire__V1__Stream stream)
{
	Jobwire__V1__Pattern p = JOBWIRE__V1__PATTERN__INIT;

	p.regex = message_str(regex);
	p.stream = stream;
	return p;
}

static void
look_for(struct fixture *f, const Jobwire__V1__Pattern *pattern)
{
	assert_ok(scan_new(&f->eng, ID, pattern, on_done, f, &f->scan, &f->err), &f->err);
}

static void
collect(struct fixture *f)
{
	struct pollfd p = { .fd = work_pool_fd(f->eng.work), .events = POLLIN };

	assert_int_equal(poll(&p, 1, 10000), 1);
	work_pool_collect(f->eng.work);
}

/* The event that is waited for is the callback. */
static struct scan_result
run(struct fixture *f, uint64_t until, enum scan_how how)
{
	int before = f->done;

	scan_run(f->scan, until, how);
	assert_true(scan_result(f->scan).is_running);
	while (f->done == before)
		collect(f);
	assert_int_equal(f->done, before + 1);
	assert_false(scan_result(f->scan).is_running);
	return scan_result(f->scan);
}

static void
a_match_is_told_with_its_place_and_its_bytes(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__Pattern p = pattern_of("port (\\d+)\n", JOBWIRE__V1__STREAM__STREAM_STDOUT);
	struct scan_result r;

	open_log(f, 0);
	put(f, OUTLOG_OUT, "listening on port 80");
	put(f, OUTLOG_ERR, "port 1\n");
	look_for(f, &p);
	r = run(f, 20, SCAN_GO_ON);
	assert_false(r.found);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.next, 20);
	assert_int_equal(r.open, 13); /* a match that has begun there may go on */
	put(f, OUTLOG_OUT, "80\nmore");
	r = run(f, 27, SCAN_GO_ON);
	assert_true(r.found);
	assert_int_equal(r.view, OUTLOG_VIEW_OUT);
	assert_int_equal(r.begin, 13);
	assert_int_equal(r.end, 23);
	assert_int_equal(r.next, 23);
	assert_int_equal(r.open, 23);
	assert_int_equal(r.len, 10);
	assert_memory_equal(r.bytes, "port 8080\n", 10);
}

static void
only_the_stream_that_was_named_is_looked_at(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__Pattern p = pattern_of("x", JOBWIRE__V1__STREAM__STREAM_STDERR);

	open_log(f, 0);
	put(f, OUTLOG_OUT, "xxx");
	put(f, OUTLOG_ERR, "ayx");
	look_for(f, &p);
	assert_int_equal(run(f, 3, SCAN_GO_ON).begin, 2);
	scan_cancel(f->scan);
	f->scan = NULL;
	p.stream = JOBWIRE__V1__STREAM__STREAM_UNSPECIFIED;
	look_for(f, &p);
	assert_int_equal(run(f, 6, SCAN_GO_ON).view, OUTLOG_VIEW_COMBINED);
}

/* A match that could still grow waits for what follows, or for somebody who says that nothing has
 * for a while, or that nothing will. */
static void
a_match_at_the_end_waits_until_it_is_certain(void **state)
{
	static const enum scan_how sure[] = { SCAN_PEEK, SCAN_FINISH };
	struct fixture *f = *state;
	Jobwire__V1__Pattern p = pattern_of("a+", JOBWIRE__V1__STREAM__STREAM_STDOUT);
	struct scan_result r;
	size_t i;

	open_log(f, 0);
	put(f, OUTLOG_OUT, "-aa");
	for (i = 0; i < ARRAY_SIZE(sure); i++) {
		look_for(f, &p);
		assert_false(run(f, 3, SCAN_GO_ON).found);
		r = run(f, 3, sure[i]);
		assert_true(r.found);
		assert_int_equal(r.begin, 1);
		assert_int_equal(r.end, 3);
		assert_int_equal(r.is_finished, sure[i] == SCAN_FINISH);
		scan_cancel(f->scan);
		f->scan = NULL;
	}
}

static void
a_search_begins_where_the_caller_says(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__Pattern p = pattern_of("ab", JOBWIRE__V1__STREAM__STREAM_STDOUT);
	struct scan_result r;

	open_log(f, 0);
	put(f, OUTLOG_OUT, "ab ab ab");
	p.offset = 1;
	look_for(f, &p);
	r = run(f, 8, SCAN_GO_ON);
	assert_int_equal(r.begin, 3);
	assert_int_equal(r.next, 5);
}

/* More than one block, and more than one turn on the worker. */
static void
a_match_far_behind_many_blocks_is_found_across_their_borders(void **state)
{
	enum { AT = 9 * 1024 * 1024 - 3 };
	struct fixture *f = *state;
	Jobwire__V1__Pattern p = pattern_of("needle", JOBWIRE__V1__STREAM__STREAM_STDOUT);
	char *hay = malloc(AT + 1);
	struct scan_result r;

	assert_non_null(hay);
	memset(hay, 'n', AT);
	hay[AT] = '\0';
	open_log(f, 0);
	put(f, OUTLOG_OUT, hay);
	put(f, OUTLOG_OUT, "needle.");
	free(hay);
	p.literal = true;
	look_for(f, &p);
	r = run(f, AT + 7, SCAN_GO_ON);
	assert_true(r.found);
	assert_int_equal(r.begin, AT);
	assert_memory_equal(r.bytes, "needle", 6);
}

static void
nothing_matches_across_what_was_dropped(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__Pattern p = pattern_of("a[^z]*b", JOBWIRE__V1__STREAM__STREAM_STDOUT);
	struct outlog_extent e;
	struct scan_result r;
	char line[1025];
	int i;

	memset(line, '.', sizeof line);
	line[1024] = '\0';
	open_log(f, 4096);
	put(f, OUTLOG_OUT, "a");
	look_for(f, &p);
	assert_false(run(f, 1, SCAN_GO_ON).found);
	for (i = 0; i < 20; i++)
		put(f, OUTLOG_OUT, line);
	put(f, OUTLOG_OUT, "b");
	e = outlog_extent(f->log, OUTLOG_OUT);
	assert_true(e.start > 1);
	r = run(f, e.end, SCAN_FINISH);
	assert_false(r.found);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.next, e.end);
}

static void
a_match_longer_than_what_is_shown_is_cut_in_what_is_shown_only(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__Pattern p = pattern_of("<x*>", JOBWIRE__V1__STREAM__STREAM_STDOUT);
	char text[6001];
	struct scan_result r;

	memset(text, 'x', sizeof text);
	text[0] = '<';
	text[5999] = '>';
	text[6000] = '\0';
	open_log(f, 0);
	put(f, OUTLOG_OUT, text);
	look_for(f, &p);
	r = run(f, 6000, SCAN_GO_ON);
	assert_true(r.found);
	assert_int_equal(r.end - r.begin, 6000);
	assert_int_equal(r.len, 4096);
	assert_memory_equal(r.bytes, text, 4096);
}

static void
what_is_no_pattern_is_refused_and_the_field_named(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__Pattern p = pattern_of("(", JOBWIRE__V1__STREAM__STREAM_STDOUT);
	struct err err = { 0 };

	assert_int_equal(scan_new(&f->eng, ID, &p, on_done, f, &f->scan, &err),
			 ERR_INVALID_ARGUMENT);
	assert_string_equal(err.field, "pattern");
	p = pattern_of("x", (Jobwire__V1__Stream)9);
	assert_int_equal(scan_new(&f->eng, ID, &p, on_done, f, &f->scan, &err),
			 ERR_INVALID_ARGUMENT);
	assert_string_equal(err.field, "stream");
	assert_null(f->scan);
}

static void
a_folder_that_is_gone_is_the_scans_error(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__Pattern p = pattern_of("x", JOBWIRE__V1__STREAM__STREAM_STDOUT);
	struct scan_result r;

	look_for(f, &p);
	assert_int_equal(folder_remove(f->temp->fd, ID), 0);
	r = run(f, 10, SCAN_GO_ON);
	assert_int_equal(r.rc, ERR_NOT_FOUND);
	assert_int_equal(scan_error(f->scan)->code, ERR_NOT_FOUND);
	assert_non_null(strstr(scan_error(f->scan)->msg, "ab234567"));
}

static void
one_that_is_given_up_while_it_runs_calls_nobody(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__Pattern p = pattern_of("x", JOBWIRE__V1__STREAM__STREAM_STDOUT);

	open_log(f, 0);
	put(f, OUTLOG_OUT, "x");
	look_for(f, &p);
	scan_run(f->scan, 1, SCAN_GO_ON);
	scan_cancel(f->scan);
	f->scan = NULL;
	collect(f);
	assert_int_equal(f->done, 0);
	scan_cancel(NULL);
}

#define unit_test_of_scan(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_scan(a_match_is_told_with_its_place_and_its_bytes),
		unit_test_of_scan(only_the_stream_that_was_named_is_looked_at),
		unit_test_of_scan(a_match_at_the_end_waits_until_it_is_certain),
		unit_test_of_scan(a_search_begins_where_the_caller_says),
		unit_test_of_scan(a_match_far_behind_many_blocks_is_found_across_their_borders),
		unit_test_of_scan(nothing_matches_across_what_was_dropped),
		unit_test_of_scan(a_match_longer_than_what_is_shown_is_cut_in_what_is_shown_only),
		unit_test_of_scan(what_is_no_pattern_is_refused_and_the_field_named),
		unit_test_of_scan(a_folder_that_is_gone_is_the_scans_error),
		unit_test_of_scan(one_that_is_given_up_while_it_runs_calls_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
