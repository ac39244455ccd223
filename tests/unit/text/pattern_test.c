/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <time.h>

#include "base/macros.h"
#include "text/pattern.h"

#define MATCHES_MAX 16

struct place {
	uint64_t begin, end;
};

static struct pattern *
compiled(const char *text, unsigned flags)
{
	struct pattern *p;
	struct err err = { 0 };

	assert_ok(pattern_new(text, strlen(text), flags, &p, &err), &err);
	return p;
}

/* Feed the bytes and note the matches behind those that are there. Returns how many there are. */
static size_t
feed(struct pattern *p, const char *bytes, size_t len, struct place *found, size_t n)
{
	struct pattern_match match;
	struct err err = { 0 };

	for (;;) {
		assert_ok(pattern_feed(p, bytes, len, &match, &err), &err);
		assert_true(match.taken <= len);
		bytes += match.taken;
		len -= match.taken;
		if (!match.found)
			break;
		assert_true(n < MATCHES_MAX);
		found[n++] = (struct place){ match.begin, match.end };
	}
	assert_int_equal(len, 0);
	return n;
}

static size_t
finish(struct pattern *p, struct place *found, size_t n)
{
	struct pattern_match match;
	struct err err = { 0 };

	for (;;) {
		assert_ok(pattern_finish(p, &match, &err), &err);
		if (!match.found)
			return n;
		assert_true(n < MATCHES_MAX);
		found[n++] = (struct place){ match.begin, match.end };
	}
}

static bool
peek(struct pattern *p, struct place *found)
{
	struct pattern_match match;
	struct err err = { 0 };

	assert_ok(pattern_peek(p, &match, &err), &err);
	*found = (struct place){ match.begin, match.end };
	return match.found;
}

struct row {
	const char *pattern;
	unsigned flags;
	const char *stream;
	struct place want[MATCHES_MAX]; /* up to the first that is 0 to 0, which may be one */
	size_t count;
};

static const struct row rows[] = {
	{ "ready", 0, "not ready, re-ready", { { 4, 9 }, { 14, 19 } }, 2 },
	{ "a+", 0, "aaabaa", { { 0, 3 }, { 4, 6 } }, 2 },
	{ "a+?", 0, "aab", { { 0, 1 }, { 1, 2 } }, 2 },
	{ "foo(?!bar)", 0, "foobar foobaz foo", { { 7, 10 }, { 14, 17 } }, 2 },
	{ "(?<=port )\\d+", 0, "port x port 8080.", { { 12, 16 } }, 1 },
	{ "(?<=(?<!b)a)c", 0, "bac cac", { { 6, 7 } }, 1 },
	{ "\\bword\\b", 0, "sword word words word", { { 6, 10 }, { 17, 21 } }, 2 },
	{ "(\\w+) \\1\\b", 0, "the thesis is is", { { 8, 13 } }, 1 },
	{ "(?s)A.*?Z", 0, "AxAZ.\nA\nZ", { { 0, 4 }, { 6, 9 } }, 2 },
	{ "x(*atomic:a+)b", 0, "xaab", { { 0, 4 } }, 1 },
	/* Lines: \n, \r and \r\n end one. */
	{ "^done$",
	  0,
	  "done\nundone\r\ndone\rdone\r\ndone",
	  { { 0, 4 }, { 13, 17 }, { 18, 22 }, { 24, 28 } },
	  4 },
	{ "^b", 0, "a\nb", { { 2, 3 } }, 1 },
	{ "a\n^b", 0, "a\nb", { { 0, 3 } }, 1 },
	{ "a$\\Rb", 0, "a\r\nb a\nb", { { 0, 4 }, { 5, 8 } }, 2 },
	{ "^\r?\n", 0, "a\r\n\r\n\nb", { { 3, 5 }, { 5, 6 } }, 2 },
	{ "\\sfoo", 0, "\r\nfoo\nfoo", { { 1, 5 }, { 5, 9 } }, 2 },
	{ "end\\z", 0, "end\nend", { { 4, 7 } }, 1 },
	{ "\\Aab", 0, "abab\nab", { { 0, 2 } }, 1 },
	/* UTF-8, and what is none. */
	{ "^.{3}$", 0, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", { { 0, 9 } }, 1 },
	{ "gr\xc3\xb6\xc3\x9f"
	  "e",
	  PATTERN_CASELESS,
	  "GR\xc3\x96\xc3\x9f"
	  "E",
	  { { 0, 7 } },
	  1 },
	{ "err.*failed", 0, "err \xff\xe2\x82 failed", { { 0, 14 } }, 1 },
	{ "a.{3}b",
	  0,
	  "a\xf0\x9f\x98"
	  "b",
	  { { 0, 5 } },
	  1 },
	{ "\\p{L}+", 0, "\xe2\x82\xc3\xa4\xc3\xb6", { { 2, 6 } }, 1 },
	/* Literal. */
	{ "a.*b[(?", PATTERN_LITERAL, "aXb a.*b[(?", { { 4, 11 } }, 1 },
	{ "(*UTF)\\G", PATTERN_LITERAL, "(*UTF)\\G", { { 0, 8 } }, 1 },
	{ "abC", PATTERN_LITERAL | PATTERN_CASELESS, "xABcx", { { 1, 4 } }, 1 },
	/* The empty string, once at each place. */
	{ "x*", 0, "axxb", { { 0, 0 }, { 1, 3 }, { 3, 3 }, { 4, 4 } }, 4 },
	{ "x*", 0, "", { { 0, 0 } }, 1 },
	{ "^", 0, "a\nb\n", { { 0, 0 }, { 2, 2 }, { 4, 4 } }, 3 },
	{ "\\b", 0, "ab c", { { 0, 0 }, { 2, 2 }, { 3, 3 }, { 4, 4 } }, 4 },
	{ "(?=a)", 0, "ba", { { 1, 1 } }, 1 },
	{ "foo\\Kbar|o", 0, "foobar", { { 3, 6 } }, 1 },
};

static void
assert_found(const struct row *row, const struct place *found, size_t n, size_t chunk)
{
	if (n != row->count || (n && memcmp(found, row->want, n * sizeof *found) != 0))
		fail_msg("pattern %s, cut at %zu: %zu found, first %d to %d", row->pattern, chunk,
			 n, n ? (int)found[0].begin : -1, n ? (int)found[0].end : -1);
}

static void
the_same_is_found_wherever_the_stream_is_cut_in_two(void **state)
{
	struct place found[MATCHES_MAX];
	struct pattern *p;
	size_t i, cut, len, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		len = strlen(rows[i].stream);
		for (cut = 0; cut <= len; cut++) {
			p = compiled(rows[i].pattern, rows[i].flags);
			n = feed(p, rows[i].stream, cut, found, 0);
			n = feed(p, rows[i].stream + cut, len - cut, found, n);
			n = finish(p, found, n);
			assert_found(&rows[i], found, n, cut);
			pattern_free(p);
		}
	}
}

static void
the_same_is_found_in_chunks_of_any_size(void **state)
{
	struct place found[MATCHES_MAX];
	struct pattern *p;
	size_t i, chunk, at, len, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		len = strlen(rows[i].stream);
		for (chunk = 1; chunk <= 5; chunk++) {
			p = compiled(rows[i].pattern, rows[i].flags);
			for (n = at = 0; at < len; at += chunk)
				n = feed(p, rows[i].stream + at, MIN(chunk, len - at), found, n);
			n = finish(p, found, n);
			assert_found(&rows[i], found, n, chunk);
			pattern_free(p);
		}
	}
}

static const struct {
	const char *pattern;
	const char *message; /* a part of it */
} wrong_rows[] = {
	{ "", "pattern is empty" },
	{ "a(b", "pattern, at offset 3: missing closing parenthesis" },
	{ "ab)", "pattern, at offset 2: unmatched closing parenthesis" },
	{ "[z-a]", "pattern, at offset 3: range out of order" },
	{ "*a", "pattern, at offset 0: quantifier does not follow a repeatable item" },
	{ "+a", "pattern, at offset 0: quantifier does not follow a repeatable item" },
	{ "?a", "pattern, at offset 0: quantifier does not follow a repeatable item" },
	{ "a\\", "pattern, at offset 2: \\ at end of pattern" },
	{ "a\xff", "pattern, at offset 1: UTF-8 error" },
	{ "a\\Gb", "pattern, at offset 1: \\G is not supported here" },
	{ "a\\\\\\G", "pattern, at offset 3: \\G is not supported here" },
	{ "\\Qa\\E\\G", "pattern, at offset 5: \\G is not supported here" },
	{ "\\c\\\\G", "pattern, at offset 3: \\G is not supported here" },
	{ "(*LIMIT_MATCH=9)a", "pattern, at offset 0: a (*VERB) is not supported here" },
	{ "a(*COMMIT)b", "pattern, at offset 1: a (*VERB) is not supported here" },
	{ "\\C", "pattern, at offset 2: using \\C is disabled" },
	{ "(?<=a+)b", "lookbehind assertion is not fixed length" },
	{ "(?<=(?<=(?<=.{9999})a)b)c", "pattern looks back too far" },
};

static void
a_wrong_pattern_is_refused_with_place_and_words(void **state)
{
	struct pattern *p = NULL;
	struct err err = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong_rows); i++) {
		assert_int_equal(pattern_new(wrong_rows[i].pattern, strlen(wrong_rows[i].pattern),
					     0, &p, &err),
				 ERR_INVALID_ARGUMENT);
		if (!strstr(err.msg, wrong_rows[i].message))
			fail_msg("pattern %s: %s", wrong_rows[i].pattern, err.msg);
		assert_null(p);
	}
	pattern_free(NULL);
}

static void
what_only_looks_like_a_refused_construct_is_none(void **state)
{
	static const char *const right[] = { "\\\\G", "\\Q\\G(*A)\\E", "\\Q\\G", "(*pla:a)a",
					     "\\(*A", "\\c\\G",        "G",      "(",
					     "\\(*" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(right); i++)
		pattern_free(compiled(right[i],
				      right[i][0] == '(' && !right[i][1] ? PATTERN_LITERAL : 0));
}

static void
a_pattern_may_be_4_kib_long_and_no_longer(void **state)
{
	char text[PATTERN_TEXT_MAX + 2];
	struct pattern *p;
	struct err err = { 0 };

	(void)state;
	memset(text, 'a', sizeof text);
	assert_ok(pattern_new(text, PATTERN_TEXT_MAX, 0, &p, &err), &err);
	pattern_free(p);
	assert_int_equal(pattern_new(text, PATTERN_TEXT_MAX + 1, 0, &p, &err),
			 ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, "pattern of 4097 bytes is longer than 4096");
}

static void
a_nul_in_pattern_and_stream_is_a_character(void **state)
{
	struct place found[MATCHES_MAX];
	struct pattern *p;
	struct err err = { 0 };

	(void)state;
	assert_ok(pattern_new("a\0b", 3, 0, &p, &err), &err);
	assert_int_equal(feed(p, "a\0a\0b", 5, found, 0), 1);
	assert_int_equal(found[0].begin, 2);
	pattern_free(p);
}

static void
the_end_of_a_line_is_not_where_the_stream_pauses(void **state)
{
	struct place found[MATCHES_MAX];
	struct pattern *p;

	(void)state;
	p = compiled("foo$", 0);
	assert_int_equal(feed(p, "foo", 3, found, 0), 0);
	assert_int_equal(feed(p, "bar foo", 7, found, 0), 0);
	assert_int_equal(feed(p, "\n", 1, found, 0), 1);
	assert_int_equal(found[0].begin, 7);
	assert_int_equal(feed(p, "foo", 3, found, 0), 0);
	assert_int_equal(finish(p, found, 0), 1);
	assert_int_equal(found[0].begin, 11);
	pattern_free(p);
}

static void
a_match_is_told_at_once_when_nothing_can_change_it(void **state)
{
	struct place found[MATCHES_MAX];
	struct pattern *p;

	(void)state;
	p = compiled("ready", 0);
	assert_int_equal(feed(p, "rea", 3, found, 0), 0);
	assert_int_equal(feed(p, NULL, 0, found, 0), 0);
	assert_int_equal(feed(p, "dy", 2, found, 0), 1);
	pattern_free(p);
	p = compiled("^\\[\\d+%\\]", 0);
	assert_int_equal(feed(p, "x\r[100%]", 8, found, 0), 1);
	pattern_free(p);
}

static void
a_prompt_is_seen_by_a_peek_that_changes_nothing(void **state)
{
	struct place found[MATCHES_MAX];
	struct pattern *p;

	(void)state;
	p = compiled("Password: *$", 0);
	assert_false(peek(p, found));
	assert_int_equal(feed(p, "x\nPassword: ", 12, found, 0), 0);
	assert_true(peek(p, found));
	assert_int_equal(found[0].begin, 2);
	assert_int_equal(found[0].end, 12);
	assert_true(peek(p, found));
	assert_int_equal(feed(p, " no", 3, found, 0), 0);
	assert_false(peek(p, found));
	assert_int_equal(feed(p, "\nPassword:", 10, found, 0), 0);
	assert_true(peek(p, found));
	assert_int_equal(feed(p, "\n", 1, found, 0), 1);
	assert_int_equal(found[0].begin, 16);
	assert_int_equal(found[0].end, 25);
	assert_false(peek(p, found));
	pattern_free(p);
}

static void
where_a_match_may_have_begun_is_told(void **state)
{
	struct place found[MATCHES_MAX];
	struct pattern *p;

	(void)state;
	p = compiled("listening on", 0);
	assert_int_equal(pattern_open_at(p), 0);
	assert_int_equal(feed(p, "up\nlisten", 9, found, 0), 0);
	assert_int_equal(pattern_open_at(p), 3);
	assert_int_equal(feed(p, "er, ", 4, found, 0), 0);
	assert_int_equal(pattern_open_at(p), 13);
	assert_int_equal(feed(p, "listening on 80", 15, found, 0), 1);
	assert_int_equal(pattern_open_at(p), 28);
	pattern_free(p);
}

/* A stream of 'x' with a word in it. The caller frees. */
static char *
stream_with(size_t len, const char *word, size_t at)
{
	char *bytes = malloc(len);

	assert_non_null(bytes);
	memset(bytes, 'x', len);
	memcpy(bytes + at, word, strlen(word));
	return bytes;
}

static void
a_word_is_found_at_any_place_of_a_large_stream(void **state)
{
	/* Where one look ends and another begins, by its starts, its span and its window. */
	static const size_t around[] = { 0, 1, 2, 64, 128, 192, 256, 384 }; /* times 256 */
	size_t i, at, len = 8 * PATTERN_SPAN;
	struct place found[MATCHES_MAX];
	struct pattern *p;
	char *bytes;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(around); i++) {
		for (at = 256 * around[i] - (i ? 8 : 0); at < 256 * around[i] + 8; at++) {
			bytes = stream_with(len, "needle", at);
			p = compiled("[a-n]{3}(?=d)(?<=eed|nee).le", 0);
			assert_int_equal(feed(p, bytes, len, found, 0), 1);
			assert_int_equal(found[0].begin, at);
			assert_int_equal(found[0].end, at + 6);
			assert_int_equal(finish(p, found, 1), 1);
			pattern_free(p);
			free(bytes);
		}
	}
}

/* Feed the whole stream in chunks, finish, and say how many matches there are. */
static size_t
find_all(const char *pattern, const char *bytes, size_t len, size_t chunk, struct place *found)
{
	struct pattern *p = compiled(pattern, 0);
	size_t at, n = 0;

	for (at = 0; at < len; at += chunk)
		n = feed(p, bytes + at, MIN(chunk, len - at), found, n);
	n = finish(p, found, n);
	pattern_free(p);
	return n;
}

static const size_t chunks[] = { 61, 1000, 4096, PATTERN_SPAN + 1, 100000 };

static void
a_match_as_long_as_the_span_is_always_found(void **state)
{
	size_t i, at, len = 100000;
	struct place found[MATCHES_MAX];
	char *bytes;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		for (at = 20000; at < 20000 + 3 * 9001; at += 9001) {
			bytes = stream_with(len, "BEGIN", at);
			memcpy(bytes + at + PATTERN_SPAN - 3, "END", 3);
			assert_int_equal(find_all("(?s)BEGIN.*END", bytes, len, chunks[i], found),
					 1);
			assert_int_equal(found[0].begin, at);
			assert_int_equal(found[0].end, at + PATTERN_SPAN);
			free(bytes);
		}
	}
}

static void
what_begins_and_never_ends_hides_nothing_behind_it(void **state)
{
	size_t i, len = 200000;
	struct place found[MATCHES_MAX];
	char *bytes;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		bytes = stream_with(len, "BEGIN", 100);
		memcpy(bytes + 9000, "error", 5);
		memcpy(bytes + 25000, "error", 5);
		memcpy(bytes + 150000, "error", 5);
		assert_int_equal(find_all("(?s)BEGIN.*?END|error", bytes, len, chunks[i], found),
				 3);
		assert_int_equal(found[0].begin, 9000);
		assert_int_equal(found[1].begin, 25000);
		assert_int_equal(found[2].begin, 150000);
		free(bytes);
	}
}

static void
a_match_without_an_end_is_cut_at_twice_the_span(void **state)
{
	size_t i, len = 200000;
	struct place found[MATCHES_MAX];
	char *bytes;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(chunks); i++) {
		bytes = stream_with(len, "error", 1000);
		assert_int_equal(find_all("(?s)error.*", bytes, len, chunks[i], found), 1);
		assert_int_equal(found[0].begin, 1000);
		assert_int_equal(found[0].end, 1000 + 2 * PATTERN_SPAN);
		assert_int_equal(find_all("error.*$", bytes, len, chunks[i], found), 0);
		free(bytes);
	}
}

static void
offsets_count_from_the_beginning_of_the_stream(void **state)
{
	struct place found[MATCHES_MAX];
	char block[1000];
	struct pattern *p;
	size_t i;

	(void)state;
	p = compiled("(?<=\\nab\\b.)(?<!c\\nab.)\\S\\b|\\Axx", 0);
	memset(block, 'x', sizeof block);
	assert_int_equal(feed(p, "z", 1, found, 0), 0);
	for (i = 0; i < 3000; i++)
		assert_int_equal(feed(p, block, sizeof block, found, 0), 0);
	assert_int_equal(feed(p, "c\nab 1 \nab 2 ", 13, found, 0), 1);
	assert_int_equal(found[0].begin, 3000001 + 11);
	assert_int_equal(found[0].end, 3000001 + 12);
	pattern_free(p);
}

/* Each of these takes years where nothing stops it. */
static const struct {
	const char *pattern;
	const char *message;
} hostile_rows[] = {
	{ "(a+)+$", "pattern backtracks too often, behind byte " },
	{ "(a|aa)+$", "pattern backtracks too often, behind byte " },
	{ "(?:a?){30}[a]{30}b|^(a+)*[bc]", "pattern backtracks too often, behind byte " },
	{ "(?:a?){7}a*+[xy]", "pattern takes too long, behind byte " },
};

static void
a_hostile_pattern_ends_soon_and_says_why(void **state)
{
	size_t i, len = 60000;
	struct pattern_match match;
	struct err err = { 0 };
	struct pattern *p;
	clock_t begin;
	char *bytes;

	(void)state;
	bytes = malloc(len);
	assert_non_null(bytes);
	memset(bytes, 'a', len);
	memset(bytes, '-', 3);
	bytes[len - 1] = '!';
	for (i = 0; i < ARRAY_SIZE(hostile_rows); i++) {
		p = compiled(hostile_rows[i].pattern, 0);
		begin = clock();
		assert_int_equal(pattern_feed(p, bytes, len, &match, &err), ERR_RESOURCE_EXHAUSTED);
		assert_true(clock() - begin < 20 * CLOCKS_PER_SEC); /* as slow as sanitizers are */
		if (!strstr(err.msg, hostile_rows[i].message))
			fail_msg("pattern %s: %s", hostile_rows[i].pattern, err.msg);
		pattern_free(p);
	}
	free(bytes);
}

static void
small_chunks_cost_no_rescan_of_everything(void **state)
{
	static const char line[] = "12:00:00 INFO worker 17 has finished its task in 35 ms\n";
	struct place found[MATCHES_MAX];
	struct pattern *p;
	clock_t begin;
	size_t i;

	(void)state;
	p = compiled("^\\d+:.*(error|failed)$", 0);
	begin = clock();
	for (i = 0; i < 40000; i++)
		assert_int_equal(feed(p, line, strlen(line), found, 0), 0);
	/* Linear it takes 20 ms; each chunk from the beginning would take an hour. */
	assert_true(clock() - begin < 20 * CLOCKS_PER_SEC);
	pattern_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_found_wherever_the_stream_is_cut_in_two),
		cmocka_unit_test(the_same_is_found_in_chunks_of_any_size),
		cmocka_unit_test(a_wrong_pattern_is_refused_with_place_and_words),
		cmocka_unit_test(what_only_looks_like_a_refused_construct_is_none),
		cmocka_unit_test(a_pattern_may_be_4_kib_long_and_no_longer),
		cmocka_unit_test(a_nul_in_pattern_and_stream_is_a_character),
		cmocka_unit_test(the_end_of_a_line_is_not_where_the_stream_pauses),
		cmocka_unit_test(a_match_is_told_at_once_when_nothing_can_change_it),
		cmocka_unit_test(a_prompt_is_seen_by_a_peek_that_changes_nothing),
		cmocka_unit_test(where_a_match_may_have_begun_is_told),
		cmocka_unit_test(a_word_is_found_at_any_place_of_a_large_stream),
		cmocka_unit_test(a_match_as_long_as_the_span_is_always_found),
		cmocka_unit_test(what_begins_and_never_ends_hides_nothing_behind_it),
		cmocka_unit_test(a_match_without_an_end_is_cut_at_twice_the_span),
		cmocka_unit_test(offsets_count_from_the_beginning_of_the_stream),
		cmocka_unit_test(a_hostile_pattern_ends_soon_and_says_why),
		cmocka_unit_test(small_chunks_cost_no_rescan_of_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
