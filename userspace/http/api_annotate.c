// SPDX-License-Identifier: GPL-2.0
/* What a user notes becomes an event. Who may is who may open the unix socket. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <sgprobe/event.h>
#include <sgprobe/time.h>

#include "route.h"
#include "server.h"

#define AHEAD_MS 60000 /* clocks differ */

static int kind_param(struct http_call *c, enum sg_event_id *ret)
{
	const char *kind = http_param(&c->params, "kind");

	*ret = SG_EVENT_ANNOTATION;
	if (!kind || !*kind || !strcmp(kind, "annotation"))
		return 0;
	*ret = SG_EVENT_DEPLOY;
	return strcmp(kind, "deploy") == 0
		       ? 0
		       : sg_fail(&c->err, -EINVAL, "\"kind\" is deploy or annotation");
}

static int text_param(struct http_call *c, const char **ret)
{
	*ret = http_param(&c->params, "text");
	if (!*ret || !**ret)
		return sg_fail(&c->err, -EINVAL, "\"text\" is missing");
	if (strlen(*ret) > SG_EVENT_TEXT_MAX || !sg_utf8_valid(*ret, strlen(*ret)))
		return sg_fail(&c->err, -EINVAL, "\"text\" is at most %d bytes of UTF-8",
			       SG_EVENT_TEXT_MAX);
	for (const char *p = *ret; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			return sg_fail(&c->err, -EINVAL,
				       "\"text\" is one line without control characters");
	return 0;
}

static void put_user(struct http_call *c, struct sg_event *e)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t n = sizeof(peer);

	if (c->peer >= 0 && getsockopt(c->peer, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0)
		sg_event_number(e, "uid", peer.uid);
}

int http_annotate(struct http_call *c)
{
	int64_t now = sg_real_ms(), at = now;
	enum sg_event_id kind;
	const char *text = NULL;
	struct sg_event e;
	int r = kind_param(c, &kind);

	if (!r)
		r = text_param(c, &text);
	if (!r)
		r = http_param_ms(&c->params, "at", http_parse_ms, false, &at, &c->err);
	if (r < 0)
		return r;
	if (at > now + AHEAD_MS)
		return sg_fail(&c->err, -EINVAL, "\"at\" lies in the future");
	if (!c->server->annotate)
		return sg_fail(&c->err, -EAGAIN, "nothing is stored here");
	sg_event_init(&e, kind, at);
	sg_event_text(&e, "note", text);
	put_user(c, &e);
	if (!sg_event_valid(&e))
		return sg_fail(&c->err, -EINVAL, "this cannot be noted");
	r = c->server->annotate(c->server->named_ctx, &e);
	if (r < 0)
		return sg_fail(&c->err, r, "too many notes in one second; try again");
	sg_buf_str(&c->resp.body, "{\"status\":\"success\",\"event\":");
	sg_event_json(&c->resp.body, &e);
	sg_buf_str(&c->resp.body, "}\n");
	return 0;
}
