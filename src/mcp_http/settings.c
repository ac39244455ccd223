/* SPDX-License-Identifier: MIT */
#include "mcp_http/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"

static const struct option_spec rows[] = {
#define SETTING(type, member, name, env, initial, min, max, arg, help)                         \
	{ name, 0,   OPTION_##type, offsetof(struct http_settings, member), env, initial, min, \
	  max,  arg, help },
#include "mcp_http/settings.def"
#undef SETTING
#define SETTING(type, member, name, env, initial, min, max, arg, help)                      \
	{                                                                                   \
		name, 0,       OPTION_##type, offsetof(struct http_settings, tools.member), \
		env,  initial, min,           max,                                          \
		arg,  help                                                                  \
	},
#include "tools/settings.def"
#undef SETTING
};

/* Take the token from `text`, of which blanks at the end are not part. */
static int
take_token(struct http_settings *s, const char *source, const char *text, struct err *err)
{
	size_t len = strlen(text), i;

	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	for (i = 0; i < len && text[i] > ' ' && text[i] < 0x7f; i++)
		;
	if (i < len || len < HTTP_TOKEN_MIN || len > HTTP_TOKEN_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT,
			       "%s: a token has %d to %d visible characters", source,
			       HTTP_TOKEN_MIN, HTTP_TOKEN_MAX);
	s->token = strndup(text, len);
	return s->token ? 0 : err_sys(err, ENOMEM, "token");
}

static int
read_token_file(struct http_settings *s, const char *path, struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char text[HTTP_TOKEN_MAX + 64];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "--token-file %s", path);
	if (!S_ISREG(st.st_mode) || st.st_mode & 077)
		return err_set(err, ERR_INVALID_ARGUMENT,
			       "--token-file %s: others can read it; chmod 600 it", path);
	n = fd_read_all(fd, text, sizeof text - 1);
	if (n < 0)
		return err_sys(err, (int)-n, "--token-file %s", path);
	text[n] = '\0';
	return take_token(s, path, text, err);
}

static int
read_token(struct http_settings *s, struct err *err)
{
	const char *text = getenv(HTTP_TOKEN_ENV);
	int rc = 0;

	if (s->token_file)
		rc = read_token_file(s, s->token_file, err);
	else if (text)
		rc = take_token(s, HTTP_TOKEN_ENV, text, err);
	(void)unsetenv(HTTP_TOKEN_ENV); /* it is not for the engine and its jobs */
	return rc;
}

int
http_settings_read(struct http_settings *s, int argc, char **argv, struct err *err)
{
	int rc;

	memset(s, 0, sizeof *s);
	rc = tools_settings_read_rows(&s->tools, rows, ARRAY_SIZE(rows), s, argc, argv, err);
	if (rc == 0 && !s->tools.help && !s->tools.version)
		rc = read_token(s, err);
	return rc;
}

void
http_settings_fini(struct http_settings *s)
{
	tools_settings_fini(&s->tools);
	free(s->token);
}

void
http_settings_print_help(FILE *out, const char *program)
{
	(void)fprintf(out,
		      "Usage: %s [OPTION...]\n\n"
		      "Background jobs for MCP clients, over Streamable HTTP. The jobs run under "
		      "jobwired, which is\nstarted when it is needed and outlives this.\n\n"
		      "Options:\n",
		      program);
	options_print_help(out, rows, ARRAY_SIZE(rows));
}
