// SPDX-License-Identifier: GPL-2.0
/* Probes that a user names: commands go to the supervisor, who decides; this part only asks. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "route.h"
#include "server.h"

#define PATIENCE_MS 15000 /* an attachment is given up before */

/* Waits for the one message that answers, in the worker thread. */
static int receive(int fd, struct sg_named_answer *a, struct sg_error *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	const size_t head = offsetof(struct sg_named_answer, list);
	ssize_t n;

	if (poll(&p, 1, PATIENCE_MS) <= 0)
		return sg_fail(err, -ETIMEDOUT, "the supervisor did not answer; try again");
	n = recv(fd, a, sizeof(*a), MSG_DONTWAIT);
	if (n < (ssize_t)head || a->n > SG_NAMED_MAX ||
	    (size_t)n != head + a->n * sizeof(a->list[0]))
		return sg_fail(err, -EAGAIN, "the supervisor's answer got lost; try again");
	a->message[sizeof(a->message) - 1] = 0;
	return 0;
}

static int ask(struct http_call *c, const struct sg_named_command *command,
	       struct sg_named_answer *a)
{
	int ends[2], r;

	if (!c->server->named || c->peer < 0)
		return sg_fail(&c->err, -EAGAIN, "there is no supervisor to ask");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	r = c->server->named(c->server->named_ctx, command, c->peer, ends[1]);
	close(ends[1]);
	if (r == 0)
		r = receive(ends[0], a, &c->err);
	close(ends[0]);
	return r;
}

static void put_probe(struct sg_buf *b, const struct sg_named_info *i)
{
	char arg[16];

	sg_buf_str(b, "{\"name\":");
	sg_json_str(b, i->probe.name);
	sg_buf_str(b, ",\"probe\":");
	sg_json_str(b, i->probe.spec);
	sg_buf_str(b, ",\"by_arg\":");
	sg_json_str(b, sg_named_format_arg(&i->probe, arg));
	sg_buf_printf(b, ",\"latency\":%s,\"fixed\":%s,\"sites\":%u,\"state\":",
		      i->probe.untimed ? "false" : "true", i->fixed ? "true" : "false", i->sites);
	sg_json_str(b, sg_named_state_name(i->state));
	sg_buf_str(b, ",\"reason\":");
	sg_json_str(b, i->reason);
	sg_buf_char(b, '}');
}

int http_get_probes(struct http_call *c)
{
	const struct sg_named_command command = {.verb = SG_NAMED_LIST};
	struct sg_named_answer *a = sg_arena_alloc(c->arena, sizeof(*a));
	int r = a ? ask(c, &command, a) : -ENOMEM;

	if (r < 0)
		return r;
	sg_buf_str(&c->resp.body, "{\"probes\":[");
	for (uint32_t i = 0; i < a->n; i++) {
		a->list[i].probe.name[SG_NAMED_NAME - 1] = 0;
		a->list[i].probe.spec[SG_NAMED_SPEC - 1] = 0;
		a->list[i].reason[sizeof(a->list[i].reason) - 1] = 0;
		if (i)
			sg_buf_char(&c->resp.body, ',');
		put_probe(&c->resp.body, &a->list[i]);
	}
	sg_buf_str(&c->resp.body, "]}\n");
	return 0;
}

static int take_text(struct http_call *c, const char *name, char *to, size_t size)
{
	const char *value = http_param(&c->params, name);

	if (!value || strlen(value) >= size)
		return sg_fail(&c->err, -EINVAL, "\"%s\" is %s", name,
			       value ? "too long" : "missing");
	strcpy(to, value);
	return 0;
}

/* Sends a command; its success is an object with what the supervisor has to say. */
static int change(struct http_call *c, const struct sg_named_command *command)
{
	struct sg_named_answer *a = sg_arena_alloc(c->arena, sizeof(*a));
	int r = a ? ask(c, command, a) : -ENOMEM;

	if (r < 0)
		return r;
	if (a->r < 0)
		return sg_fail(&c->err, a->r, "%s", a->message);
	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"message\":");
	sg_json_str(&c->resp.body, a->message);
	sg_buf_str(&c->resp.body, "}\n");
	return 0;
}

int http_add_probe(struct http_call *c)
{
	struct sg_named_command command = {.verb = SG_NAMED_ADD};
	struct sg_named *p = &command.probe;
	const char *arg = http_param(&c->params, "by_arg"),
		   *latency = http_param(&c->params, "latency");
	int r = take_text(c, "name", p->name, sizeof(p->name));

	if (r == 0)
		r = take_text(c, "probe", p->spec, sizeof(p->spec));
	if (r == 0 && arg && *arg)
		r = sg_named_parse_arg(arg, p, &c->err);
	p->untimed = latency && strcmp(latency, "false") == 0;
	if (r == 0)
		r = sg_named_check(p, &c->err);
	return r < 0 ? r : change(c, &command);
}

int http_remove_probe(struct http_call *c)
{
	struct sg_named_command command = {.verb = SG_NAMED_REMOVE};
	int r = take_text(c, "name", command.probe.name, sizeof(command.probe.name));

	return r < 0 ? r : change(c, &command);
}

int http_reload(struct http_call *c)
{
	const struct sg_named_command command = {.verb = SG_NAMED_RELOAD};

	return change(c, &command);
}
