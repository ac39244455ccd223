/* SPDX-License-Identifier: MIT */
#include "base/words.h"

#include <string.h>

static const struct {
	const char *word;
	const char *status;
	bool is_final;
} states[JOB_STATE_COUNT] = {
	[JOB_NONE] = { "?", "failed", false },
#define STATE(name, number, word, final, status) [JOB_##name] = { word, status, final },
#include "base/words.def"
#undef STATE
};

static const char *const reasons[REASON_COUNT] = {
	[REASON_NONE] = "",
#define REASON(name, number, word) [REASON_##name] = word,
#include "base/words.def"
#undef REASON
};

static int
known(int number, int count)
{
	return number > 0 && number < count ? number : 0;
}

const char *
job_state_word(int state)
{
	return states[known(state, JOB_STATE_COUNT)].word;
}

const char *
job_status_word(int state)
{
	return states[known(state, JOB_STATE_COUNT)].status;
}

bool
job_state_is_final(int state)
{
	return states[known(state, JOB_STATE_COUNT)].is_final;
}

const char *
job_reason_word(int reason)
{
	return reasons[known(reason, REASON_COUNT)];
}

enum job_state
job_state_from_word(const char *word)
{
	int i;

	for (i = 1; i < JOB_STATE_COUNT; i++)
		if (strcmp(states[i].word, word) == 0)
			return (enum job_state)i;
	return JOB_NONE;
}
