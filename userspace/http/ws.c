// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <string.h>
#include <strings.h>

#include <sgprobe/err.h>

#include "ws.h"

#define PROTOCOL "sgprobe.v1"
#define KEY_LENGTH 24 /* 16 bytes in base64 */

_Static_assert(LWS_PRE <= FEED_PRE, "libwebsockets writes its frame header in front of ours");

struct http_ws {
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct http_feed *feed;
	size_t n, max_clients;
};

struct ws_peer { /* libwebsockets' memory for one connection, zeroed by it */
	struct lws *wsi;
	struct http_client *client;
	unsigned int close_code;
	size_t len;
	char message[FEED_MESSAGE_MAX];
};

static void peer_want_write(void *peer)
{
	lws_callback_on_writable(((struct ws_peer *)peer)->wsi);
}

/* It takes nothing, so it cannot be told: libwebsockets tries for a moment, then ends the connection. */
static void peer_close(void *peer, unsigned int code)
{
	struct ws_peer *p = peer;

	p->close_code = code;
	lws_close_reason(p->wsi, code, NULL, 0);
	lws_set_timeout(p->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

const struct feed_peer_ops http_ws_peer_ops = {
	.want_write = peer_want_write,
	.close = peer_close,
};

static int refuse(struct lws *wsi, unsigned int code)
{
	lws_close_reason(wsi, code, NULL, 0);
	return -1;
}

static int on_open(struct http_ws *ws, struct lws *wsi, struct ws_peer *p)
{
	p->wsi = wsi;
	if (ws->n >= ws->max_clients)
		return refuse(wsi, FEED_CLOSE_LIMITS);
	if (http_client_open(ws->feed, p, &p->client) < 0)
		return refuse(wsi, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION);
	ws->n++;
	return 0;
}

static int on_message(struct lws *wsi, struct ws_peer *p, const void *in, size_t n)
{
	unsigned int code;

	if (!p->client)
		return -1;
	if (lws_frame_is_binary(wsi) || n > sizeof(p->message) - p->len)
		return refuse(wsi, FEED_CLOSE_BAD_MESSAGE);
	memcpy(p->message + p->len, in, n);
	p->len += n;
	if (lws_remaining_packet_payload(wsi) || !lws_is_final_fragment(wsi))
		return 0;
	code = http_client_message(p->client, p->message, p->len);
	p->len = 0;
	return code ? refuse(wsi, code) : 0;
}

static int on_writable(struct lws *wsi, struct ws_peer *p)
{
	struct feed_wire w;

	if (!p->client || !http_client_next(p->client, &w))
		return 0;
	if (lws_write(wsi, w.data, w.len, w.binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT) <
	    (int)w.len)
		return -1;
	lws_callback_on_writable(wsi);
	return 0;
}

static void on_closed(struct http_ws *ws, struct ws_peer *p)
{
	if (!p || !p->client)
		return;
	http_client_close(sg_take(p->client));
	ws->n--;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		    size_t n)
{
	struct http_ws *ws = lws_context_user(lws_get_context(wsi));

	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED: return on_open(ws, wsi, user);
	case LWS_CALLBACK_RECEIVE: return on_message(wsi, user, in, n);
	case LWS_CALLBACK_SERVER_WRITEABLE: return on_writable(wsi, user);
	case LWS_CALLBACK_CLOSED: on_closed(ws, user); return 0;
	/* No HTTP request gets here: conn.c serves those. */
	case LWS_CALLBACK_HTTP: return -1;
	default: return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{.name = PROTOCOL,
	 .callback = callback,
	 .per_session_data_size = sizeof(struct ws_peer),
	 .rx_buffer_size = 4096},
	{0},
};

/* Dead peers (a suspended laptop) are found by a ping and let go. */
static const lws_retry_bo_t keep_alive = {
	.secs_since_valid_ping = 45,
	.secs_since_valid_hangup = 75,
};

static void log_line(int level, const char *line)
{
	sg_debug("libwebsockets: %.*s", (int)strcspn(line, "\n"), line);
}

int http_ws_new(size_t max_clients, struct http_ws **ret)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8,
		.alpn = "http/1.1",
		.gid = -1,
		.uid = -1,
		.fd_limit_per_thread = max_clients + 16,
		.retry_and_idle_policy = &keep_alive,
		.vhost_name = "sgprobe",
	};
	struct http_ws *ws = calloc(1, sizeof(*ws));

	if (!ws)
		return -ENOMEM;
	info.user = ws;
	ws->max_clients = max_clients;
	lws_set_log_level(LLL_ERR | LLL_WARN, log_line);
	ws->context = lws_create_context(&info);
	ws->vhost = ws->context ? lws_create_vhost(ws->context, &info) : NULL;
	if (!ws->vhost) {
		http_ws_free(ws);
		return -ENOMEM;
	}
	*ret = ws;
	return 0;
}

void http_ws_feed(struct http_ws *ws, struct http_feed *feed)
{
	ws->feed = feed;
}

void http_ws_free(struct http_ws *ws)
{
	if (!ws)
		return;
	if (ws->context)
		lws_context_destroy(ws->context);
	free(ws);
}

int http_ws_watch(struct http_ws *ws, int fd)
{
	/* libwebsockets closes what it adopts. */
	lws_sock_file_fd_type copy = {.filefd = fcntl(fd, F_DUPFD_CLOEXEC, 0)};

	if (copy.filefd < 0)
		return -errno;
	if (lws_adopt_descriptor_vhost(ws->vhost, LWS_ADOPT_RAW_FILE_DESC, copy, PROTOCOL, NULL))
		return 0;
	close(copy.filefd);
	return -ENOMEM;
}

int http_ws_wait(struct http_ws *ws)
{
	return lws_service(ws->context, 0);
}

bool http_ws_full(const struct http_ws *ws)
{
	return ws->n >= ws->max_clients;
}

static bool is_key(const char *key)
{
	size_t n = 0;

	while (isalnum((unsigned char)key[n]) || key[n] == '+' || key[n] == '/')
		n++;
	return n == KEY_LENGTH - 2 && !strcmp(key + n, "==");
}

int http_ws_check(const struct http_request *req)
{
	if (strcasecmp(req->upgrade, "websocket") != 0 || strcmp(req->path, "/feed") != 0 ||
	    req->head)
		return 400;
	if (!req->connection || !http_has_token(req->connection, "upgrade"))
		return 400;
	if (!req->ws_version || strcmp(req->ws_version, "13") != 0)
		return 426;
	if (!req->ws_key || !is_key(req->ws_key))
		return 400;
	return req->ws_protocol && http_has_token(req->ws_protocol, PROTOCOL) ? 0 : 400;
}

/* libwebsockets sees a head of our own making: nothing of it but the key was the client's. */
void http_ws_adopt(struct http_ws *ws, int fd, const char *key, const struct sg_buf *rest)
{
	sg_auto_buf b = {0};

	sg_buf_printf(&b,
		      "GET /feed HTTP/1.1\r\nHost: sgprobe\r\nConnection: Upgrade\r\n"
		      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		      "Sec-WebSocket-Protocol: " PROTOCOL "\r\nSec-WebSocket-Key: %s\r\n\r\n",
		      key);
	sg_buf_add(&b, rest->data, rest->len);
	if (b.err)
		close(fd);
	else
		lws_adopt_socket_vhost_readbuf(ws->vhost, fd, b.data, b.len);
}
