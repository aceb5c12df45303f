// SPDX-License-Identifier: GPL-2.0
/* What a client says. A message that is no message closes it; one that asks for the impossible gets an error. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include <sgprobe/time.h>

#include "feed_private.h"

#define MESSAGES_PER_SECOND 20
#define DEPTH_MAX 4
#define TIME_MAX_MS 253402300799999LL

static void send_error(struct http_client *c, int id, const char *code, const char *message)
{
	sg_auto_buf b = {0};

	sg_buf_str(&b, "{\"type\":\"error\"");
	if (id)
		sg_buf_printf(&b, ",\"id\":%d", id);
	sg_buf_printf(&b, ",\"code\":\"%s\",\"message\":", code);
	sg_json_str(&b, message);
	sg_buf_char(&b, '}');
	feed_send_text(c, &b);
}

/* A number of the message within bounds; absent: ret stays. False: there, and wrong. */
static bool get_number(const json_t *msg, const char *key, double min, double max, int64_t *ret)
{
	const json_t *v = json_object_get(msg, key);

	if (!v || json_is_null(v))
		return true;
	if (!json_is_number(v) || !(json_number_value(v) >= min && json_number_value(v) <= max))
		return false;
	*ret = (int64_t)json_number_value(v);
	return true;
}

static int get_id(const json_t *msg)
{
	int64_t id = 0;

	return get_number(msg, "id", 1, 65535, &id) ? (int)id : 0;
}

/* The selectors' texts, borrowed from the message. Their number, or 0. */
static size_t get_match(const json_t *msg, const char **texts)
{
	const json_t *match = json_object_get(msg, "match");
	size_t n = json_array_size(match); /* 0 when it is no array */

	if (n > GROUP_SELECTORS_MAX)
		return 0;
	for (size_t i = 0; i < n; i++) {
		texts[i] = json_string_value(json_array_get(match, i));
		if (!texts[i])
			return 0;
	}
	return n;
}

static int add_sub(struct http_client *c, const struct feed_sub *from, const char *const *texts,
		   size_t n, struct sg_error *err)
{
	struct http_feed *f = c->feed;
	struct feed_sub *sub = malloc(sizeof(*sub));
	int r;

	if (!sub)
		return -ENOMEM;
	*sub = *from;
	pthread_mutex_lock(&f->lock);
	r = feed_group_get(&f->dict, texts, n, &sub->group, err);
	pthread_mutex_unlock(&f->lock);
	if (r < 0) {
		free(sub);
		return r;
	}
	c->subs[c->n_subs++] = sub;
	return 0;
}

static unsigned int on_subscribe(struct http_client *c, const json_t *msg)
{
	struct feed_sub sub = {.client = c,
			       .id = get_id(msg),
			       .state = SUB_WANT,
			       .kind = FEED_SNAPSHOT,
			       .max_points = FEED_POINTS_MAX,
			       .has_from = json_is_number(json_object_get(msg, "from_ms")),
			       .want_ns = sg_mono_ns()};
	const char *texts[GROUP_SELECTORS_MAX];
	size_t n = get_match(msg, texts);
	struct sg_error err = {""};

	if (!sub.id || feed_sub_find(c, sub.id))
		send_error(c, sub.id, "bad_id", "\"id\" must be an unused number from 1 to 65535");
	else if (!n)
		send_error(c, sub.id, "bad_match",
			   "\"match\" must be an array of 1 to 16 selectors");
	else if (!get_number(msg, "from_ms", -9e15, TIME_MAX_MS, &sub.from_ms) ||
		 !get_number(msg, "max_points", 0, 1e9, &sub.max_points))
		send_error(c, sub.id, "bad_range", "\"from_ms\" or \"max_points\" is out of range");
	else if (c->n_subs == FEED_SUBS_MAX)
		send_error(c, sub.id, "limits", "there are 64 subscriptions already");
	else if (sub.max_points = SG_MIN(sub.max_points, FEED_POINTS_MAX),
		 add_sub(c, &sub, texts, n, &err) < 0)
		send_error(c, sub.id, "bad_match", *err.msg ? err.msg : "out of memory");
	else
		feed_client_step(c);
	return 0;
}

static unsigned int on_unsubscribe(struct http_client *c, const json_t *msg)
{
	struct feed_sub *sub = feed_sub_find(c, get_id(msg));
	size_t i = 0;

	if (!sub)
		return 0; /* both may have ended it at once */
	while (c->subs[i] != sub)
		i++;
	c->subs[i] = c->subs[--c->n_subs];
	feed_sub_free(sub);
	return 0;
}

static unsigned int on_visibility(struct http_client *c, const json_t *msg)
{
	c->hide_wanted = json_is_true(json_object_get(msg, "hidden"));
	feed_client_step(c);
	return 0;
}

static unsigned int on_ping(struct http_client *c, const json_t *msg)
{
	const json_t *t = json_object_get(msg, "t");
	sg_auto_buf b = {0};

	sg_buf_str(&b, "{\"type\":\"pong\",\"t\":");
	sg_json_num(&b, json_is_number(t) ? json_number_value(t) : 0);
	sg_buf_printf(&b, ",\"now_ms\":%lld}", (long long)sg_real_ms());
	feed_send_text(c, &b);
	return 0;
}

static const struct {
	const char *type;
	unsigned int (*handle)(struct http_client *c, const json_t *msg);
} messages[] = {
	{"subscribe", on_subscribe},
	{"unsubscribe", on_unsubscribe},
	{"visibility", on_visibility},
	{"ping", on_ping},
};

static bool within_rate(struct http_client *c)
{
	uint64_t now = sg_mono_ns();

	c->tokens += (now - c->tokens_ns) / 1e9 * MESSAGES_PER_SECOND;
	c->tokens = SG_MIN(c->tokens, 2.0 * MESSAGES_PER_SECOND);
	c->tokens_ns = now;
	if (c->tokens < 1)
		return false;
	c->tokens--;
	return true;
}

/* jansson goes one call deeper for every bracket. */
static bool is_shallow(const char *text, size_t n)
{
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"')
			while (++i < n && text[i] != '"')
				i += text[i] == '\\';
		else if (text[i] == '[' || text[i] == '{')
			depth++;
		else if (text[i] == ']' || text[i] == '}')
			depth--;
		if (depth > DEPTH_MAX)
			return false;
	}
	return true;
}

unsigned int http_client_message(struct http_client *c, const char *text, size_t n)
{
	json_t *msg;
	const char *type;
	unsigned int code = 0;

	if (!within_rate(c))
		return FEED_CLOSE_LIMITS;
	if (n > FEED_MESSAGE_MAX || !is_shallow(text, n))
		return FEED_CLOSE_BAD_MESSAGE;
	msg = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	type = json_string_value(json_object_get(msg, "type"));
	if (!type)
		code = FEED_CLOSE_BAD_MESSAGE;
	for (size_t i = 0; type && i < ARRAY_SIZE(messages); i++)
		if (!strcmp(type, messages[i].type))
			code = messages[i].handle(c, msg);
	json_decref(msg);
	return code;
}
