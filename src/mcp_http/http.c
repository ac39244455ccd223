/* SPDX-License-Identifier: MIT */
#include "mcp_http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/err.h"
#include "mcp_http/figures.h"
#include "mcp_http/service.h"
#include "mcp_http/settings.h"

#define BACKLOG    4096
#define SWEEP_MS   5000
#define NO_ROOM_MS 100 /* without a free descriptor, before we try again to take a client */
#define URL_MAX    256

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

struct http {
	struct event_base *base;
	const struct http_settings *settings;
	struct service service;
	struct evconnlistener *listener;
	struct event *sweep, *retry, *deadline;
	struct event *on_signal[ARRAY_SIZE(signals)];
	const char **hosts; /* that were configured, and the address itself */
	char address[INET6_ADDRSTRLEN + 2];
	char url[URL_MAX];
	bool is_draining;
};

static void
on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int len,
	  void *arg)
{
	struct http *h = arg;

	(void)listener, (void)sa, (void)len;
	h->service.metrics.connections_total++;
	conns_accept(h->service.conns, fd);
}

/* Mostly no descriptors: trying at once again would only burn the processor. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct http *h = arg;
	struct timeval tv = clock_wait(NO_ROOM_MS);

	(void)evconnlistener_disable(listener);
	(void)evtimer_add(h->retry, &tv);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;

	(void)fd, (void)what;
	if (!h->is_draining)
		(void)evconnlistener_enable(h->listener);
}

static void
sweep_later(struct http *h)
{
	struct timeval tv = clock_wait(SWEEP_MS);

	(void)evtimer_add(h->sweep, &tv);
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;

	(void)fd, (void)what;
	sessions_sweep(&h->service.sessions, clock_mono_ms());
	sweep_later(h);
}

static void
finish(void *arg)
{
	struct http *h = arg;

	(void)event_base_loopbreak(h->base);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	finish(arg);
}

static void
drain(struct http *h)
{
	struct timeval tv = clock_wait(h->settings->drain_timeout);
	struct http_session *session;

	h->is_draining = true;
	evconnlistener_free(h->listener); /* closed, so that clients look elsewhere at once */
	h->listener = NULL;
	(void)evtimer_add(h->deadline, &tv);
	exchanges_drain(&h->service.exchanges);
	TAILQ_FOREACH (session, &h->service.sessions.list, entry)
		stream_detach(&session->general);
	conns_drain(h->service.conns);
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct http *h = arg;

	(void)number, (void)what;
	if (h->is_draining)
		finish(h);
	else
		drain(h);
}

/* --- the address --- */

static bool
is_loopback(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

	if (ss->ss_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return ss->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* "localhost", "127.0.0.1" or "[::1]", `len` bytes of it. */
static bool
read_host(const char *text, size_t len, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
	char host[INET6_ADDRSTRLEN + 2];

	if (len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	memset(ss, 0, sizeof *ss);
	if (strcmp(host, "localhost") == 0)
		(void)snprintf(host, sizeof host, "127.0.0.1");
	if (len && *host == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		ss->ss_family = AF_INET6;
		return inet_pton(AF_INET6, host + 1, &in6->sin6_addr) == 1;
	}
	ss->ss_family = AF_INET;
	return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

static int
read_address(const char *text, struct sockaddr_storage *ret_ss, struct err *err)
{
	const char *port = strrchr(text, ':');
	size_t digits = port ? strspn(port + 1, "0123456789") : 0;
	unsigned long number = digits ? strtoul(port + 1, NULL, 10) : 0;

	if (!digits || digits > 5 || port[1 + digits] || number > UINT16_MAX ||
	    !read_host(text, (size_t)(port - text), ret_ss))
		return err_set(err, ERR_INVALID_ARGUMENT, "--listen: '%.100s' is no ADDRESS:PORT",
			       text);
	if (ret_ss->ss_family == AF_INET6)
		((struct sockaddr_in6 *)ret_ss)->sin6_port = htons((uint16_t)number);
	else
		((struct sockaddr_in *)ret_ss)->sin_port = htons((uint16_t)number);
	return 0;
}

/* What we are listening on, as a host and as a URL. */
static void
name_address(struct http *h)
{
	struct sockaddr_storage ss;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&ss;
	char text[INET6_ADDRSTRLEN] = "";
	socklen_t len = sizeof ss;
	bool is_6;

	memset(&ss, 0, sizeof ss);
	(void)getsockname(evconnlistener_get_fd(h->listener), (struct sockaddr *)&ss, &len);
	is_6 = ss.ss_family == AF_INET6;
	(void)inet_ntop(ss.ss_family, is_6 ? (const void *)&in6->sin6_addr : &in->sin_addr, text,
			sizeof text);
	(void)snprintf(h->address, sizeof h->address, is_6 ? "[%s]" : "%s", text);
	(void)snprintf(h->url, sizeof h->url, "http://%s:%u/mcp", h->address,
		       ntohs(is_6 ? in6->sin6_port : in->sin_port));
}

static int
listen_at(struct http *h, struct err *err)
{
	struct sockaddr_storage ss;
	int rc = read_address(h->settings->listen, &ss, err);

	if (rc < 0)
		return rc;
	if (!is_loopback(&ss) && !h->settings->token)
		return err_set(err, ERR_INVALID_ARGUMENT,
			       "--listen %s: whoever reaches this can run commands here, so beyond "
			       "this machine a token is needed: --token-file",
			       h->settings->listen);
	h->listener = evconnlistener_new_bind(
		h->base, on_client, h,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
		(struct sockaddr *)&ss,
		ss.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					 : sizeof(struct sockaddr_in));
	if (!h->listener)
		return err_sys(err, errno, "listen on %s", h->settings->listen);
	evconnlistener_set_error_cb(h->listener, on_accept_error);
	name_address(h);
	return 0;
}

/* --- life --- */

static int
fill_route(struct http *h, struct err *err)
{
	const struct http_settings *s = h->settings;
	struct service *service = &h->service;
	const char *base = s->public_url ? s->public_url : h->url;
	size_t i;

	h->hosts = calloc(s->allow_hosts.len + 1, sizeof *h->hosts);
	if (!h->hosts)
		return err_sys(err, ENOMEM, "hosts");
	for (i = 0; i < s->allow_hosts.len; i++)
		h->hosts[i] = s->allow_hosts.values[i];
	h->hosts[i] = h->address;
	service->url = base;
	service->route = (struct route_settings){
		.gate = { h->hosts, i + 1, s->allow_origins.values, s->allow_origins.len,
			  s->token },
		.has_metadata = s->authorization_servers.len > 0,
	};
	if (!service->route.has_metadata)
		return 0;
	/* The well-known path goes between the host and the path. */
	base = strstr(service->url, "://");
	i = base ? (size_t)(base + 3 - service->url) + strcspn(base + 3, "/")
		 : strlen(service->url);
	if (asprintf(&service->metadata_url, "%.*s/.well-known/oauth-protected-resource%s", (int)i,
		     service->url, service->url + i) < 0)
		return err_sys(err, ENOMEM, "metadata");
	return 0;
}

/* The argument of the connections' hooks is the service. */
static void
on_empty(void *arg)
{
	finish(container_of(arg, struct http, service));
}

static int
fill_service(struct http *h, const struct mcp_server *server, void *tool_arg, struct err *err)
{
	const struct http_settings *s = h->settings;
	struct service *service = &h->service;
	struct conns_config conns = {
		.base = h->base,
		.body_max = (size_t)s->max_body,
		.bodies_max = (size_t)s->max_bodies,
		.conns_max = (size_t)s->max_connections,
		.head_ms = s->head_timeout,
		.body_ms = s->body_timeout,
		.idle_ms = s->idle_timeout,
		.write_ms = s->write_timeout,
		.on_head = service_head,
		.on_request = service_request,
		.on_status = service_status,
		.on_empty = on_empty,
		.arg = service,
	};
	int rc;

	service->settings = s;
	service->server = server;
	service->exchanges.base = h->base;
	service->exchanges.server = server;
	service->exchanges.tool_arg = tool_arg;
	service->exchanges.sessions = &service->sessions;
	service->exchanges.metrics = &service->metrics;
	service->exchanges.patience_ms = s->patience;
	service->exchanges.keepalive_ms = s->keepalive;
	service->exchanges.unsent_most = (size_t)s->max_unsent;
	rc = exchanges_init(&service->exchanges, err);
	service->sessions.server = server;
	service->sessions.mcp = service->exchanges.mcp;
	service->sessions.most = (size_t)s->max_sessions;
	service->sessions.idle_ms = s->session_idle;
	service->sessions.replay_ms = s->replay_time;
	service->sessions.streams = (struct stream_limits){
		.most = (size_t)s->replay_total,
		.stream_most = (size_t)s->replay_size,
		.unsent_most = (size_t)s->max_unsent,
		.keepalive_ms = s->keepalive,
	};
	if (rc == 0)
		rc = figures_new(h->base, s->tools.state_dir, &service->figures, err);
	return rc < 0 ? rc : conns_new(&conns, &service->conns, err);
}

static int
watch(struct http *h, struct err *err)
{
	size_t i;

	(void)signal(SIGPIPE, SIG_IGN);
	h->sweep = evtimer_new(h->base, on_sweep, h);
	h->retry = evtimer_new(h->base, on_retry, h);
	h->deadline = evtimer_new(h->base, on_deadline, h);
	if (!h->sweep || !h->retry || !h->deadline)
		return err_sys(err, ENOMEM, "timers");
	sweep_later(h);
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		h->on_signal[i] = evsignal_new(h->base, signals[i], on_signal, h);
		if (!h->on_signal[i] || evsignal_add(h->on_signal[i], NULL) < 0)
			return err_sys(err, ENOMEM, "signals");
	}
	return 0;
}

/* As many descriptors as we may have: each client takes one. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int
http_new(struct event_base *base, const struct http_settings *settings,
	 const struct mcp_server *server, void *tool_arg, struct http **ret_http, struct err *err)
{
	struct http *h = calloc(1, sizeof *h);
	int rc;

	if (!h)
		return err_sys(err, ENOMEM, "MCP over HTTP");
	h->base = base;
	h->settings = settings;
	sessions_init(&h->service.sessions);
	raise_limit();
	rc = fill_service(h, server, tool_arg, err);
	if (rc == 0)
		rc = watch(h, err);
	if (rc == 0)
		rc = listen_at(h, err);
	if (rc == 0)
		rc = fill_route(h, err);
	if (rc < 0) {
		http_free(h);
		return rc;
	}
	*ret_http = h;
	return 0;
}

const char *
http_url(const struct http *http)
{
	return http->url;
}

void
http_notify(struct http *http, enum mcp_change change, const char *uri)
{
	struct http_session *session;

	exchanges_notify(&http->service.exchanges, change, uri);
	TAILQ_FOREACH (session, &http->service.sessions.list, entry)
		mcp_session_notify(session->mcp, change, uri);
}

int
http_run(struct http *http, struct err *err)
{
	if (event_base_dispatch(http->base) < 0)
		return err_set(err, ERR_INTERNAL, "event loop failed");
	return 0;
}

static void
event_end(struct event *event)
{
	if (event)
		event_free(event);
}

void
http_free(struct http *h)
{
	size_t i;

	if (!h)
		return;
	if (h->listener)
		evconnlistener_free(h->listener);
	conns_free(h->service.conns);
	sessions_fini(&h->service.sessions);
	exchanges_fini(&h->service.exchanges);
	metrics_fini(&h->service.metrics);
	figures_free(h->service.figures);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		event_end(h->on_signal[i]);
	event_end(h->sweep);
	event_end(h->retry);
	event_end(h->deadline);
	free(h->hosts);
	free(h->service.metadata_url);
	free(h);
}
