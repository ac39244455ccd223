/* SPDX-License-Identifier: MIT */
/*
 * methods - the calls of the protocol, from one list (methods.def), for both sides.
 *
 * A test holds the list against the generated service descriptors: none missing, none too many.
 */
#ifndef JOBWIRE_WIRE_METHODS_H
#define JOBWIRE_WIRE_METHODS_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "jobwire/v1/engine.pb-c.h"
#include "jobwire/v1/jobs.pb-c.h"
#include "wire/envelope.h"

/* What a client may do when the connection ends before the reply came. */
enum method_repeat {
	REPEAT_NEVER,    /* the outcome is unknown: say so */
	REPEAT_WITH_KEY, /* send again if it carried an idempotency key */
	REPEAT,          /* send again */
};

enum method_number {
#define METHOD(service, name, c_name, max, repeat) METHOD_##service##_##name,
#include "wire/methods.def"
#undef METHOD
	METHOD_COUNT,
};

struct method {
	const char *path; /* "/jobwire.v1.Jobs/Start" */
	const ProtobufCMessageDescriptor *request;
	const ProtobufCMessageDescriptor *response;
	size_t max; /* bytes of the payload */
	enum method_repeat repeat;
};

extern const struct method methods[METHOD_COUNT];

/* By way of the service descriptors. METHOD_COUNT: there is no such method. */
enum method_number method_find(const char *path);

#endif
