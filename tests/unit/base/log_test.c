/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "base/log.h"

#define LINE_MAX_BYTES 2048
#define STAMP          "2026-01-31T12:00:00.123Z"

static int saved_stderr, caught;

/* What goes to stderr between begin and end; nothing may be asserted in between. */
static void
catch_begin(void)
{
	caught = memfd_create("stderr", MFD_CLOEXEC);
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(caught >= 0 && saved_stderr >= 0);
	assert_int_equal(dup2(caught, STDERR_FILENO), STDERR_FILENO);
}

static const char *
catch_end(void)
{
	static char text[64 * 1024];
	ssize_t n;

	(void)dup2(saved_stderr, STDERR_FILENO);
	(void)close(saved_stderr);
	n = pread(caught, text, sizeof text - 1, 0);
	(void)close(caught);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

/* A line without its time, which has the form of STAMP. */
static const char *
after_time(const char *line)
{
	size_t i;

	assert_true(strlen(line) > strlen(STAMP));
	for (i = 0; i < strlen(STAMP); i++) {
		if (isdigit((unsigned char)STAMP[i]))
			assert_true(isdigit((unsigned char)line[i]));
		else
			assert_int_equal(line[i], STAMP[i]);
	}
	return line + strlen(STAMP);
}

static void
a_line_is_time_level_phrase_and_fields(void **state)
{
	(void)state;
	catch_begin();
	log_info("job started", log_str("job", "6f1c"), log_num("pid", 42), log_num("n", -1));
	assert_string_equal(after_time(catch_end()), " info job started job=6f1c pid=42 n=-1\n");

	catch_begin();
	log_error("out of reach");
	assert_string_equal(after_time(catch_end()), " error out of reach\n");
}

static void
a_field_without_a_key_is_left_out(void **state)
{
	(void)state;
	catch_begin();
	log_warn("w", log_str(NULL, "x"), log_num("a", 1), log_num(NULL, 2), log_str("b", NULL));
	assert_string_equal(after_time(catch_end()), " warn w a=1 b=\"\"\n");
}

static void
text_that_could_be_mistaken_is_quoted_and_escaped(void **state)
{
	static const struct {
		const char *text, *written;
	} rows[] = {
		{ "plain", "plain" },
		{ "/a/b-c.d:e,f", "/a/b-c.d:e,f" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "", "\"\"" },
		{ "two words", "\"two words\"" },
		{ "a=b", "\"a=b\"" },
		{ "say \"x\"", "\"say \\\"x\\\"\"" },
		{ "back\\slash", "\"back\\\\slash\"" },
		{ "line\nbreak", "\"line\\x0abreak\"" },
		{ "\r\t\x1b[31m", "\"\\x0d\\x09\\x1b[31m\"" },
		{ "\x7f", "\"\\x7f\"" },
	};
	char want[128];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		catch_begin();
		log_info("p", log_str("k", rows[i].text));
		(void)snprintf(want, sizeof want, " info p k=%s\n", rows[i].written);
		assert_string_equal(after_time(catch_end()), want);
	}
}

static void
no_byte_of_a_value_can_begin_a_second_line(void **state)
{
	const char *line;
	char text[256];
	int i;

	(void)state;
	for (i = 1; i < 256; i++)
		text[i - 1] = (char)i;
	text[255] = '\0';
	catch_begin();
	log_info("all", log_str("bytes", text));
	line = catch_end();
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	for (; *line != '\n'; line++)
		assert_true((unsigned char)*line >= ' ' && *line != 0x7f);
}

static void
a_long_line_is_cut_at_the_bound_and_still_ends(void **state)
{
	static char text[3 * LINE_MAX_BYTES];
	const char *line;
	size_t len;

	(void)state;
	/* plain; escaped, where each byte becomes four; and each length about the bound */
	memset(text, '\n', sizeof text - 1);
	catch_begin();
	log_info("p", log_str("k", text), log_str("then", "more"));
	line = catch_end();
	assert_int_equal(strlen(line), LINE_MAX_BYTES);
	assert_ptr_equal(strchr(line, '\n'), line + LINE_MAX_BYTES - 1);

	for (len = LINE_MAX_BYTES - 60; len < LINE_MAX_BYTES + 60; len++) {
		memset(text, 'x', len);
		text[len] = '\0';
		catch_begin();
		log_info("p", log_str("k", text), log_num("then", 1));
		line = catch_end();
		assert_true(strlen(line) <= LINE_MAX_BYTES);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	}
	assert_int_equal(strlen(line), LINE_MAX_BYTES);
}

static void
what_is_less_important_than_the_level_is_not_written(void **state)
{
	static const enum log_level levels[] = { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
	static const char *const names[] = { " error x\n", " warn x\n", " info x\n", " debug x\n" };
	const char *text;
	size_t set, level;

	(void)state;
	assert_int_equal(log_get_level(), LOG_INFO);
	for (set = 0; set < ARRAY_SIZE(levels); set++) {
		for (level = 0; level < ARRAY_SIZE(levels); level++) {
			log_set_level(levels[set]);
			catch_begin();
			log_at(levels[level], "x");
			text = catch_end();
			if (level <= set)
				assert_string_equal(after_time(text), names[level]);
			else
				assert_string_equal(text, "");
		}
		assert_int_equal(log_get_level(), levels[set]);
	}
	log_set_level(LOG_INFO);
}

static void
a_line_is_one_write(void **state)
{
	char got[256];
	int pair[2], stderr_was;
	ssize_t first, second;

	(void)state;
	/* a pipe in packet mode keeps the borders of writes */
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_DIRECT), 0);
	stderr_was = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	(void)dup2(pair[1], STDERR_FILENO);
	log_info("first", log_num("a", 1), log_str("b", "with space"), log_num("c", 3));
	log_info("second");
	(void)dup2(stderr_was, STDERR_FILENO);
	(void)close(stderr_was);
	(void)close(pair[1]);
	first = read(pair[0], got, sizeof got - 1);
	assert_true(first > 0);
	got[first] = '\0';
	assert_string_equal(after_time(got), " info first a=1 b=\"with space\" c=3\n");
	second = read(pair[0], got, sizeof got - 1);
	assert_true(second > 0);
	got[second] = '\0';
	assert_string_equal(after_time(got), " info second\n");
	(void)close(pair[0]);
}

static int full_pipe;

static void
on_alarm(int sig)
{
	static char old[4096];
	int saved = errno;

	(void)sig;
	while (read(full_pipe, old, sizeof old) > 0)
		;
	errno = saved;
}

static void
a_signal_while_stderr_is_full_costs_no_line(void **state)
{
	struct itimerval soon = { .it_value.tv_usec = 20000 }, never = { 0 };
	struct sigaction act = { .sa_handler = on_alarm }, was; /* no SA_RESTART */
	char filler[4096] = { 0 }, got[256];
	int pair[2], stderr_was;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(pair[1], filler, sizeof filler) > 0)
		;
	assert_int_equal(fcntl(pair[1], F_SETFL, 0), 0); /* now it blocks */
	full_pipe = pair[0];
	stderr_was = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	(void)dup2(pair[1], STDERR_FILENO);
	(void)sigaction(SIGALRM, &act, &was);
	(void)setitimer(ITIMER_REAL, &soon, NULL);
	log_info("interrupted");
	(void)setitimer(ITIMER_REAL, &never, NULL);
	(void)sigaction(SIGALRM, &was, NULL);
	(void)dup2(stderr_was, STDERR_FILENO);
	(void)close(stderr_was);
	n = read(pair[0], got, sizeof got - 1);
	(void)close(pair[0]);
	(void)close(pair[1]);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(after_time(got), " info interrupted\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_time_level_phrase_and_fields),
		cmocka_unit_test(a_field_without_a_key_is_left_out),
		cmocka_unit_test(text_that_could_be_mistaken_is_quoted_and_escaped),
		cmocka_unit_test(no_byte_of_a_value_can_begin_a_second_line),
		cmocka_unit_test(a_long_line_is_cut_at_the_bound_and_still_ends),
		cmocka_unit_test(what_is_less_important_than_the_level_is_not_written),
		cmocka_unit_test(a_line_is_one_write),
		cmocka_unit_test(a_signal_while_stderr_is_full_costs_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
