/* SPDX-License-Identifier: MIT */
/*
 * signals - their names.
 */
#ifndef JOBWIRE_CLI_SIGNALS_H
#define JOBWIRE_CLI_SIGNALS_H

/* "TERM", "SIGTERM", "15", "RTMIN+3": the number; 0: there is none. */
int signal_from_text(const char *text);

/* "SIGTERM" */
#define SIGNAL_TEXT_MAX 24
char *signal_text(int number, char out[SIGNAL_TEXT_MAX]);

#endif
