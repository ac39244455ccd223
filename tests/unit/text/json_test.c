/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/buf.h"
#include "base/macros.h"
#include "base/utf8.h"
#include "text/json.h"

/* The reference: a checker of RFC 8259 that also unescapes the last string it has seen. Each
 * function takes the place where its thing begins and returns the place behind it, or NULL. */
struct checker {
	const char *end;
	unsigned char string[4096];
	size_t string_len;
};

static const char *check_value(struct checker *c, const char *p);

static const char *
check_escape(struct checker *c, const char *p)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	char hex[5] = { 0 }, *end;
	const char *letter;
	unsigned long code;

	if (p == c->end)
		return NULL;
	letter = *p ? strchr(letters, *p) : NULL;
	if (letter) {
		c->string[c->string_len++] = (unsigned char)meant[letter - letters];
		return p + 1;
	}
	if (*p != 'u' || c->end - p < 5)
		return NULL;
	memcpy(hex, p + 1, 4);
	code = strtoul(hex, &end, 16);
	if (*end || code > 0x7f)
		return NULL; /* more than ASCII is never escaped here */
	c->string[c->string_len++] = (unsigned char)code;
	return p + 5;
}

static const char *
check_string(struct checker *c, const char *p)
{
	if (p == c->end || *p++ != '"')
		return NULL;
	c->string_len = 0;
	while (p && p < c->end && *p != '"') {
		assert_true(c->string_len < sizeof c->string);
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p == '\\')
			p = check_escape(c, p + 1);
		else
			c->string[c->string_len++] = (unsigned char)*p++;
	}
	if (!p || p == c->end || !utf8_is_valid(c->string, c->string_len))
		return NULL;
	return p + 1;
}

static const char *
check_number(const struct checker *c, const char *p)
{
	const char *digits;

	if (p < c->end && *p == '-')
		p++;
	digits = p;
	while (p < c->end && *p >= '0' && *p <= '9')
		p++;
	if (p == digits || (*digits == '0' && p - digits > 1))
		return NULL;
	if (p == c->end || *p != '.')
		return p;
	digits = ++p;
	while (p < c->end && *p >= '0' && *p <= '9')
		p++;
	return p == digits ? NULL : p;
}

static const char *
check_members(struct checker *c, const char *p, char close, bool with_keys)
{
	if (p < c->end && *p == close)
		return p + 1;
	for (;;) {
		if (with_keys) {
			p = check_string(c, p);
			if (!p || p == c->end || *p++ != ':')
				return NULL;
		}
		p = check_value(c, p);
		if (!p || p == c->end || (*p != ',' && *p != close))
			return NULL;
		if (*p++ == close)
			return p;
	}
}

static const char *
check_value(struct checker *c, const char *p)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t i;

	if (p == c->end)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if ((size_t)(c->end - p) >= strlen(words[i]) &&
		    memcmp(p, words[i], strlen(words[i])) == 0)
			return p + strlen(words[i]);
	switch (*p) {
	case '"':
		return check_string(c, p);
	case '{':
		return check_members(c, p + 1, '}', true);
	case '[':
		return check_members(c, p + 1, ']', false);
	default:
		return check_number(c, p);
	}
}

static bool
is_json(struct checker *c, const struct buf *text)
{
	const char *p = (const char *)buf_head(text);

	c->end = p + text->len;
	return check_value(c, p) == c->end;
}

/* Written as a string, the bytes must be JSON, and read back as their repair. */
static void
assert_round_trip(const void *bytes, size_t len)
{
	struct buf out, repaired;
	struct checker c;
	struct json j;

	buf_init(&out, 100000);
	buf_init(&repaired, 100000);
	json_begin(&j, &out);
	json_bytes(&j, NULL, bytes, len);
	assert_int_equal(json_end(&j), 0);
	assert_true(is_json(&c, &out));
	assert_int_equal(utf8_repair(&repaired, bytes, len), 0);
	assert_int_equal(c.string_len, repaired.len);
	if (repaired.len)
		assert_memory_equal(c.string, buf_head(&repaired), repaired.len);
	buf_fini(&out);
	buf_fini(&repaired);
}

static void
the_checker_refuses_what_is_no_json(void **state)
{
	static const char *const wrong[] = { "",        "[1,]",  "{\"a\"}", "\"\n\"", "\"\xff\"",
					     "\"\\x\"", "01",    "1.",      "[1",     "\"a",
					     "tru",     "[1 2]", "1,",      "-" };
	struct checker c;
	struct buf text;
	size_t i;

	(void)state;
	buf_init(&text, 100);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		buf_clear(&text);
		assert_int_equal(buf_add_str(&text, wrong[i]), 0);
		if (is_json(&c, &text))
			fail_msg("taken for JSON: %s", wrong[i]);
	}
	buf_fini(&text);
}

static void
every_byte_is_escaped_as_rfc_8259_wants_it(void **state)
{
	unsigned char byte;
	char want[8];
	struct json j;
	struct buf out;
	unsigned c;

	(void)state;
	buf_init(&out, 100);
	for (c = 0; c < 256; c++) {
		byte = (unsigned char)c;
		assert_round_trip(&byte, 1);
		buf_clear(&out);
		json_begin(&j, &out);
		json_bytes(&j, NULL, &byte, 1);
		assert_int_equal(json_end(&j), 0);
		if (c >= 0x80)
			assert_memory_equal(buf_head(&out), "\"" UTF8_REPLACEMENT "\"", 5);
		if (c >= 0x80)
			continue;
		assert_int_equal(json_ascii_len(byte), out.len - 2);
		if (strchr("\b\t\n\f\r\"\\", (int)c) && c)
			assert_int_equal(out.len, 4);
		else if (c < 0x20 || c == 0x7f)
			(void)snprintf(want, sizeof want, "\\u%04x", c);
		else
			(void)snprintf(want, sizeof want, "%c", (int)c);
		if (out.len != 4)
			assert_memory_equal(buf_head(&out) + 1, want, strlen(want));
	}
	buf_fini(&out);
}

static void
special_bytes_are_found_wherever_they_stand_among_plain_ones(void **state)
{
	static const char *const pieces[] = {
		"\x01",      "\x1f",     "\"",           "\\",           "\x7f",
		"\n",        "\xff",     "\xc3\xa9",     "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		"\xe2\x82",  "\x80\x80", "\xf0\x9f\x98", "\xed\xa0\x80", "\"\"",
		"\xc3\xa9\\"
	};
	unsigned char bytes[40];
	size_t i, at;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		for (at = 0; at + strlen(pieces[i]) <= sizeof bytes; at++) {
			memset(bytes, ' ' + (int)i, sizeof bytes);
			memcpy(bytes + at, pieces[i], strlen(pieces[i]));
			assert_round_trip(bytes, sizeof bytes);
			assert_round_trip(bytes, at + strlen(pieces[i]));
		}
	}
	assert_round_trip("", 0);
	assert_round_trip(NULL, 0);
}

static void
all_pairs_of_bytes_round_trip(void **state)
{
	unsigned char bytes[2];
	unsigned i;

	(void)state;
	for (i = 0; i < 0x10000; i++) {
		bytes[0] = (unsigned char)(i >> 8);
		bytes[1] = (unsigned char)i;
		assert_round_trip(bytes, 2);
	}
}

static void
commas_stand_between_and_nowhere_else(void **state)
{
	static const char want[] =
		"{\"a\":[],\"b\":{},\"c\":[1,[2,{\"d\":true},null],\"x\"],\"e\":\"\","
		"\"f\":{\"g\":-5,\"h\":18446744073709551615},\"i\":\"onetwo\","
		"\"j\":7.0e1,\"\\\"\":false}";
	struct json j;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	json_begin(&j, &out);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "a");
	json_array_end(&j);
	json_object_begin(&j, "b");
	json_object_end(&j);
	json_array_begin(&j, "c");
	json_int(&j, NULL, 1);
	json_array_begin(&j, NULL);
	json_int(&j, NULL, 2);
	json_object_begin(&j, NULL);
	json_bool(&j, "d", true);
	json_object_end(&j);
	json_null(&j, NULL);
	json_array_end(&j);
	json_str(&j, NULL, "x");
	json_array_end(&j);
	json_str(&j, "e", "");
	json_object_begin(&j, "f");
	json_int(&j, "g", -5);
	json_uint(&j, "h", UINT64_MAX);
	json_object_end(&j);
	json_string_begin(&j, "i");
	json_string_part(&j, "one", 3);
	json_string_part(&j, "", 0);
	json_string_part(&j, "two", 3);
	json_string_end(&j);
	json_raw(&j, "j", "7.0e1", 5);
	json_bool(&j, "\"", false);
	json_object_end(&j);
	assert_int_equal(json_end(&j), 0);
	assert_int_equal(out.len, strlen(want));
	assert_memory_equal(buf_head(&out), want, out.len);
	buf_fini(&out);
}

static const struct {
	int64_t ms;
	const char *want;
} seconds_rows[] = {
	{ 0, "0" },
	{ 1, "0.001" },
	{ 10, "0.01" },
	{ 500, "0.5" },
	{ 999, "0.999" },
	{ 1000, "1" },
	{ 1500, "1.5" },
	{ 1050, "1.05" },
	{ -1, "-0.001" },
	{ -500, "-0.5" },
	{ -1000, "-1" },
	{ -61001, "-61.001" },
	{ 120000, "120" },
	{ 100, "0.1" },
	{ INT64_MAX, "9223372036854775.807" },
	{ INT64_MIN, "-9223372036854775.808" },
};

static void
seconds_have_as_many_digits_as_they_need(void **state)
{
	struct json j;
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, 100);
	for (i = 0; i < ARRAY_SIZE(seconds_rows); i++) {
		buf_clear(&out);
		json_begin(&j, &out);
		json_seconds(&j, NULL, seconds_rows[i].ms);
		assert_int_equal(json_end(&j), 0);
		assert_int_equal(out.len, strlen(seconds_rows[i].want));
		assert_memory_equal(buf_head(&out), seconds_rows[i].want, out.len);
	}
	buf_fini(&out);
}

static void
the_first_failure_is_remembered(void **state)
{
	struct json j;
	struct buf out;
	size_t max;

	(void)state;
	for (max = 0; max < 19; max++) {
		buf_init(&out, max);
		json_begin(&j, &out);
		json_array_begin(&j, NULL);
		json_str(&j, NULL, "a\n\xff\n\xff\n");
		json_int(&j, NULL, 1); /* short enough to fit where the string did not */
		json_array_end(&j);
		assert_int_equal(json_end(&j), -EMSGSIZE);
		assert_true(out.len <= max);
		assert_false(out.len && buf_head(&out)[out.len - 1] == ']');
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checker_refuses_what_is_no_json),
		cmocka_unit_test(every_byte_is_escaped_as_rfc_8259_wants_it),
		cmocka_unit_test(special_bytes_are_found_wherever_they_stand_among_plain_ones),
		cmocka_unit_test(all_pairs_of_bytes_round_trip),
		cmocka_unit_test(commas_stand_between_and_nowhere_else),
		cmocka_unit_test(seconds_have_as_many_digits_as_they_need),
		cmocka_unit_test(the_first_failure_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
