/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/words.h"
#include "jobwire/v1/envelope.pb-c.h"
#include "wire/methods.h"

#define DEPTH_MAX 3 /* proto/README.md, "nesting" */

/* Calls `each` for every message type that can be reached, with how deep it lies. */
struct walk {
	const ProtobufCMessageDescriptor *path[16]; /* from the outermost one */
	void (*each)(const struct walk *w, unsigned depth);
	unsigned types;
};

static void
walk_into(struct walk *w, const ProtobufCMessageDescriptor *type, unsigned depth)
{
	unsigned i;

	assert_true(depth < ARRAY_SIZE(w->path));
	for (i = 0; i < depth; i++)
		if (w->path[i] == type)
			fail_msg("%s contains itself", type->name);
	w->path[depth] = type;
	w->types++;
	w->each(w, depth);
	for (i = 0; i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			walk_into(w, type->fields[i].descriptor, depth + 1);
}

static void
walk_all(void (*each)(const struct walk *w, unsigned depth))
{
	struct walk w = { .each = each };
	size_t i;

	walk_into(&w, &jobwire__v1__request__descriptor, 0);
	walk_into(&w, &jobwire__v1__response__descriptor, 0);
	walk_into(&w, &jobwire__v1__event__descriptor, 0);
	walk_into(&w, &jobwire__v1__output_event__descriptor, 0);
	for (i = 0; i < METHOD_COUNT; i++) {
		walk_into(&w, methods[i].request, 0);
		walk_into(&w, methods[i].response, 0);
	}
	assert_true(w.types > 2 * METHOD_COUNT);
}

static void
check_depth(const struct walk *w, unsigned depth)
{
	if (depth + 1 > DEPTH_MAX)
		fail_msg("%s lies %u deep in %s", w->path[depth]->name, depth + 1,
			 w->path[0]->name);
}

static void
no_message_contains_itself_and_none_is_deeper_than_the_protocol_says(void **state)
{
	(void)state;
	walk_all(check_depth);
}

/* A required field, a group or a default of proto2 would mean other checks than wire/ makes. */
static void
check_fields(const struct walk *w, unsigned depth)
{
	const ProtobufCMessageDescriptor *type = w->path[depth];
	unsigned i;

	for (i = 0; i < type->n_fields; i++) {
		assert_int_not_equal(type->fields[i].label, PROTOBUF_C_LABEL_REQUIRED);
		assert_non_null(type->fields[i].name);
	}
}

static void
all_fields_are_plain_proto3(void **state)
{
	(void)state;
	walk_all(check_fields);
}

static void
check_value(const ProtobufCEnumDescriptor *type, const char *name, int number)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value_by_name(type, name);

	if (!v)
		fail_msg("%s has no %s", type->name, name);
	assert_int_equal(v->value, number);
}

static void
the_codes_of_err_def_are_those_of_the_envelope(void **state)
{
	unsigned rows = 0;

	(void)state;
#define ERR(name, wire, text, http, exit)                          \
	check_value(&jobwire__v1__code__descriptor, #name, wire);  \
	assert_string_equal(err_name(err_from_wire(wire)), #name); \
	rows++;
#include "base/err.def"
#undef ERR
	check_value(&jobwire__v1__code__descriptor, "OK", 0);
	assert_int_equal(jobwire__v1__code__descriptor.n_values, rows + 1);
}

static void
the_states_and_reasons_of_words_def_are_those_of_the_protocol(void **state)
{
	unsigned n_states = 0, n_reasons = 0;

	(void)state;
#define STATE(name, number, word, final, status)                              \
	check_value(&jobwire__v1__state__descriptor, "STATE_" #name, number); \
	n_states++;
#define REASON(name, number, word)                                              \
	check_value(&jobwire__v1__reason__descriptor, "REASON_" #name, number); \
	n_reasons++;
#include "base/words.def"
#undef STATE
#undef REASON
	check_value(&jobwire__v1__state__descriptor, "STATE_UNSPECIFIED", JOB_NONE);
	check_value(&jobwire__v1__reason__descriptor, "REASON_UNSPECIFIED", REASON_NONE);
	assert_int_equal(jobwire__v1__state__descriptor.n_values, n_states + 1);
	assert_int_equal(jobwire__v1__reason__descriptor.n_values, n_reasons + 1);
	assert_int_equal(JOB_STATE_COUNT, n_states + 1);
	assert_int_equal(REASON_COUNT, n_reasons + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			no_message_contains_itself_and_none_is_deeper_than_the_protocol_says),
		cmocka_unit_test(all_fields_are_plain_proto3),
		cmocka_unit_test(the_codes_of_err_def_are_those_of_the_envelope),
		cmocka_unit_test(the_states_and_reasons_of_words_def_are_those_of_the_protocol),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
