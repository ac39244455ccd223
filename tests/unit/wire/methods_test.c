/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "wire/methods.h"

static const ProtobufCServiceDescriptor *const services[] = {
	&jobwire__v1__jobs__descriptor,
	&jobwire__v1__engine__descriptor,
};

static void
the_list_and_the_service_descriptors_say_the_same_in_the_same_order(void **state)
{
	const ProtobufCMethodDescriptor *m;
	char path[128];
	size_t s, n = 0;
	unsigned i;

	(void)state;
	for (s = 0; s < ARRAY_SIZE(services); s++)
		for (i = 0; i < services[s]->n_methods; i++, n++) {
			m = &services[s]->methods[i];
			assert_true(n < METHOD_COUNT);
			(void)snprintf(path, sizeof path, "/%s/%s", services[s]->name, m->name);
			assert_string_equal(methods[n].path, path);
			assert_ptr_equal(methods[n].request, m->input);
			assert_ptr_equal(methods[n].response, m->output);
		}
	assert_int_equal(n, METHOD_COUNT);
}

static void
a_method_is_found_by_its_path_and_by_nothing_else(void **state)
{
	static const char *const wrong[] = {
		"",
		"/",
		"//",
		"Start",
		"jobwire.v1.Jobs/Start",
		"/jobwire.v1.Jobs",
		"/jobwire.v1.Jobs/",
		"/jobwire.v1.Jobs//Start",
		"/jobwire.v1.Jobs/Star",
		"/jobwire.v1.Jobs/Starts",
		"/jobwire.v1.Jobs/Start/",
		"/jobwire.v1.Jobs/Start ",
		"/jobwire.v1.Jobs/start",
		"/jobwire.v1.Jobs.Start",
		"/jobwire.v1.Job/Start",
		"/jobwire.v1.Jobss/Start",
		"/jobwire.v1.Engine/Start",
		"/jobwire.v1.Jobs/Info",
		"/jobwire.v2.Jobs/Start",
		"/Jobs/Start",
	};
	size_t i;

	(void)state;
	for (i = 0; i < METHOD_COUNT; i++)
		assert_int_equal(method_find(methods[i].path), i);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		if (method_find(wrong[i]) != METHOD_COUNT)
			fail_msg("'%s' was found", wrong[i]);
}

/* The envelope around a payload of the largest size, with everything else as long as it may be. */
static void
the_largest_request_fits_into_a_frame_of_the_socket(void **state)
{
	size_t i, around;

	(void)state;
	for (i = 0; i < METHOD_COUNT; i++) {
		around = 11 /* id */ + 2 + strlen(methods[i].path) + 6 /* timeout */ + 3 +
			 WIRE_IDEMPOTENCY_MAX + 2 + WIRE_SESSION_MAX + 6 /* payload's head */;
		assert_true(methods[i].max >= WIRE_REQUEST_MAX);
		assert_true(methods[i].max + around + 4 /* SP's id */ <= WIRE_SOCKET_MAX);
	}
}

/* proto/README.md, "Retries". */
static void
only_what_does_no_harm_twice_is_repeated(void **state)
{
	static const enum method_repeat expected[METHOD_COUNT] = {
		[METHOD_Jobs_Start] = REPEAT_WITH_KEY,
		[METHOD_Jobs_Get] = REPEAT,
		[METHOD_Jobs_List] = REPEAT,
		[METHOD_Jobs_Wait] = REPEAT,
		[METHOD_Jobs_ReadOutput] = REPEAT,
		[METHOD_Jobs_Tail] = REPEAT,
		[METHOD_Jobs_SendInput] = REPEAT_NEVER,
		[METHOD_Jobs_Stop] = REPEAT,
		[METHOD_Jobs_Signal] = REPEAT_NEVER,
		[METHOD_Jobs_Detach] = REPEAT,
		[METHOD_Jobs_Remove] = REPEAT_NEVER,
		[METHOD_Engine_Info] = REPEAT,
		[METHOD_Engine_Shutdown] = REPEAT_NEVER,
		[METHOD_Engine_WatchEvents] = REPEAT,
	};
	size_t i;

	(void)state;
	for (i = 0; i < METHOD_COUNT; i++)
		assert_int_equal(methods[i].repeat, expected[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_list_and_the_service_descriptors_say_the_same_in_the_same_order),
		cmocka_unit_test(a_method_is_found_by_its_path_and_by_nothing_else),
		cmocka_unit_test(the_largest_request_fits_into_a_frame_of_the_socket),
		cmocka_unit_test(only_what_does_no_harm_twice_is_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
