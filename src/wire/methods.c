/* SPDX-License-Identifier: MIT */
#include "wire/methods.h"

#include <string.h>

const struct method methods[METHOD_COUNT] = {
#define METHOD(service, name, c_name, max, repeat)                                            \
	[METHOD_##service##_##name] = { "/jobwire.v1." #service "/" #name,                    \
					&jobwire__v1__##c_name##_request__descriptor,         \
					&jobwire__v1__##c_name##_response__descriptor, (max), \
					repeat },
#include "wire/methods.def"
#undef METHOD
};

static const struct {
	const ProtobufCServiceDescriptor *descriptor;
	enum method_number first;
} services[] = {
	{ &jobwire__v1__jobs__descriptor, METHOD_Jobs_Start },
	{ &jobwire__v1__engine__descriptor, METHOD_Engine_Info },
};

enum method_number
method_find(const char *path)
{
	const ProtobufCMethodDescriptor *m;
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(services); i++) {
		len = strlen(services[i].descriptor->name);
		if (path[0] != '/' || strncmp(path + 1, services[i].descriptor->name, len) != 0 ||
		    path[1 + len] != '/')
			continue;
		m = protobuf_c_service_descriptor_get_method_by_name(services[i].descriptor,
								     path + 1 + len + 1);
		if (m)
			return services[i].first +
			       (enum method_number)(m - services[i].descriptor->methods);
	}
	return METHOD_COUNT;
}
