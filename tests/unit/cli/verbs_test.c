/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "cli/verbs.h"

#define VERB_ROW(name) &verb_##name,
static const struct verb *const verbs[] = { VERBS(VERB_ROW) };

static void
a_verb_is_found_by_its_name_and_each_of_its_aliases(void **state)
{
	char name[64];
	const char *p;
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		assert_ptr_equal(verbs_find(verbs[i]->name), verbs[i]);
		for (p = verbs[i]->aliases; p && *p; p += n + strspn(p + n, " ")) {
			n = strcspn(p, " ");
			(void)snprintf(name, sizeof name, "%.*s", (int)n, p);
			assert_ptr_equal(verbs_find(name), verbs[i]);
			name[n - 1] = '\0';
			assert_ptr_not_equal(verbs_find(name), verbs[i]);
		}
	}
	assert_null(verbs_find(""));
	assert_null(verbs_find(" "));
	assert_null(verbs_find("LS"));
	assert_null(verbs_find("lss"));
}

/* What a script says must mean the same for ever. */
static void
flags_have_names_and_letters_of_their_own(void **state)
{
	const struct option_spec *a, *b;
	size_t i, k, m;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		assert_true(verb_rows(verbs[i]) > 0);
		assert_string_equal(verbs[i]->rows[0].name, "help");
		assert_int_equal(verbs[i]->rows[0].offset, 0);
		for (k = 0; k < verb_rows(verbs[i]); k++)
			for (m = 0; m < k; m++) {
				a = &verbs[i]->rows[k];
				b = &verbs[i]->rows[m];
				assert_string_not_equal(a->name, b->name);
				assert_false(a->letter && a->letter == b->letter);
				assert_true(a->offset != b->offset);
				assert_true(a->offset < verbs[i]->values_size);
			}
	}
}

static void
defaults_of_every_verb_can_be_read(void **state)
{
	struct options o;
	struct err err = { 0 };
	void *values;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		values = calloc(1, verbs[i]->values_size);
		assert_non_null(values);
		options_init(&o, verbs[i]->rows, verb_rows(verbs[i]), values);
		if (verbs[i]->init)
			verbs[i]->init(values);
		assert_ok(options_defaults(&o, &err), &err);
		options_fini(&o);
		free(values);
	}
}

static const char *
help_of(const struct verb *v)
{
	static char *text;
	size_t len;
	FILE *f;

	free(text);
	text = NULL;
	f = open_memstream(&text, &len);
	assert_non_null(f);
	if (v)
		verb_print_help(f, v);
	else
		verbs_print_help(f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void
the_help_names_every_verb_and_every_flag(void **state)
{
	const char *text = help_of(NULL);
	char flag[64];
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		assert_non_null(strstr(text, verbs[i]->summary));
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		text = help_of(verbs[i]);
		assert_non_null(strstr(text, verbs[i]->usage));
		for (k = 0; k < verb_rows(verbs[i]); k++) {
			(void)snprintf(flag, sizeof flag, "--%s", verbs[i]->rows[k].name);
			assert_non_null(strstr(text, flag));
			assert_non_null(verbs[i]->rows[k].help);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_verb_is_found_by_its_name_and_each_of_its_aliases),
		cmocka_unit_test(flags_have_names_and_letters_of_their_own),
		cmocka_unit_test(defaults_of_every_verb_can_be_read),
		cmocka_unit_test(the_help_names_every_verb_and_every_flag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
