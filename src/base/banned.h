/* SPDX-License-Identifier: MIT */
/*
 * banned - functions that this house does not use, and what to use instead. Every file of src/ is
 * compiled with it in front.
 */
#ifndef JOBWIRE_BASE_BANNED_H
#define JOBWIRE_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BANNED(func) sorry_##func##_is_banned

/* No bound on what is written: snprintf(), memcpy() or struct buf. */
#undef strcpy
#define strcpy(x, y) BANNED(strcpy)
#undef strcat
#define strcat(x, y) BANNED(strcat)
#undef strncpy
#define strncpy(x, y, n) BANNED(strncpy)
#undef strncat
#define strncat(x, y, n) BANNED(strncat)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef gets
#define gets(x) BANNED(gets)

/* Hidden static state: the _r forms. */
#undef strtok
#define strtok(x, y) BANNED(strtok)
#undef localtime
#define localtime(t) BANNED(localtime)
#undef gmtime
#define gmtime(t) BANNED(gmtime)
#undef ctime
#define ctime(t) BANNED(ctime)
#undef asctime
#define asctime(t) BANNED(asctime)
#undef strerror
#define strerror(e) BANNED(strerror)

/* No error is reported: strtoll() with checks, or options.h. */
#undef atoi
#define atoi(x) BANNED(atoi)
#undef atol
#define atol(x) BANNED(atol)
#undef atof
#define atof(x) BANNED(atof)

/* A shell where none was asked for; a copy of all our memory and descriptors. */
#undef system
#define system(x) BANNED(system)
#undef popen
#define popen(x, y) BANNED(popen)
#undef vfork
#define vfork() BANNED(vfork)

/* A wait that no event ends. */
#undef sleep
#define sleep(x) BANNED(sleep)
#undef usleep
#define usleep(x) BANNED(usleep)

#endif
