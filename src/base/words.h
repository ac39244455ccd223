/* SPDX-License-Identifier: MIT */
/*
 * words - a job's states and reasons, with their names: one list for engine, wire and front ends.
 */
#ifndef JOBWIRE_BASE_WORDS_H
#define JOBWIRE_BASE_WORDS_H

#include <stdbool.h>

enum job_state {
	JOB_NONE = 0,
#define STATE(name, number, word, final, status) JOB_##name = (number),
#include "base/words.def"
#undef STATE
	JOB_STATE_COUNT,
};

enum job_reason {
	REASON_NONE = 0,
#define REASON(name, number, word) REASON_##name = (number),
#include "base/words.def"
#undef REASON
	REASON_COUNT,
};

/* "running"; "?" for a number that is none. */
const char *job_state_word(int state);
const char *job_reason_word(int reason); /* "" for none */
/* What the predecessor's tools call it: running, completed, failed or killed. */
const char *job_status_word(int state);
/* Nothing comes after it. */
bool job_state_is_final(int state);
/* The number of a word, JOB_NONE if it is none. */
enum job_state job_state_from_word(const char *word);

#endif
