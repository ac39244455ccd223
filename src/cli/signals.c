/* SPDX-License-Identifier: MIT */
#include "cli/signals.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/quantity.h"

static int
real_time(const char *text)
{
	int64_t n = 0;

	if (strncasecmp(text, "RTMIN", 5) == 0 &&
	    (!text[5] || (text[5] == '+' && quantity_int(text + 6, &n) == 0)))
		n += SIGRTMIN;
	else if (strncasecmp(text, "RTMAX", 5) == 0 &&
		 (!text[5] || (text[5] == '-' && quantity_int(text + 6, &n) == 0)))
		n = SIGRTMAX - n;
	else
		return 0;
	return n >= SIGRTMIN && n <= SIGRTMAX ? (int)n : 0;
}

int
signal_from_text(const char *text)
{
	const char *name;
	int64_t n;
	int i;

	if (quantity_int(text, &n) == 0)
		return n >= 1 && n < NSIG ? (int)n : 0;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (i = 1; i < NSIG; i++) {
		name = sigabbrev_np(i);
		if (name && strcasecmp(name, text) == 0)
			return i;
	}
	return real_time(text);
}

char *
signal_text(int number, char out[SIGNAL_TEXT_MAX])
{
	const char *name = sigabbrev_np(number);

	if (name)
		(void)snprintf(out, SIGNAL_TEXT_MAX, "SIG%s", name);
	else if (number >= SIGRTMIN && number <= SIGRTMAX)
		(void)snprintf(out, SIGNAL_TEXT_MAX, "SIGRTMIN+%d", number - SIGRTMIN);
	else
		(void)snprintf(out, SIGNAL_TEXT_MAX, "signal %d", number);
	return out;
}
