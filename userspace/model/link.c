// SPDX-License-Identifier: GPL-2.0
/* The way of frames between the two processes; see link.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <sgprobe/link.h>
#include <sgprobe/time.h>

/* What one wake-up may read, so that a flood of frames does not starve timers. */
#define RX_BUDGET (1U << 20)
#define RX_CHUNK (64U << 10)

struct queued {
	uint64_t seq;
	size_t n;
	unsigned char *data;
	bool profile; /* else a frame */
};

/* frames[head .. head + n) wait for their acknowledgement; of these, 'sent' have been written. */
struct sg_link_tx {
	struct sg_loop *loop;
	struct sg_source *source;
	uint64_t session;
	size_t max_bytes, bytes;
	struct queued *frames;
	size_t cap, head, n;
	size_t sent; /* whole frames written to fd */
	size_t offset; /* bytes written of frame 'sent' */
	uint64_t lost; /* fell off unsent; returned by the next push */
	uint64_t lost_profiles;
	uint64_t unsure; /* fell off after they were sent to this server, not acknowledged */
	uint64_t unsure_seq; /* the last of these */
	int fd;
	size_t ack_len;
	unsigned char ack[sizeof(struct sg_ack)];
};

int sg_link_tx_new(struct sg_loop *l, uint64_t session, size_t max_bytes, struct sg_link_tx **ret)
{
	struct sg_link_tx *tx = calloc(1, sizeof(*tx));

	if (!tx)
		return -ENOMEM;
	tx->loop = l;
	tx->session = session;
	tx->max_bytes = max_bytes;
	tx->fd = -1;
	*ret = tx;
	return 0;
}

static struct queued *tx_at(const struct sg_link_tx *tx, size_t i)
{
	return &tx->frames[tx->head + i];
}

static void tx_close(struct sg_link_tx *tx)
{
	sg_loop_remove(sg_take(tx->source));
	if (tx->fd >= 0)
		close(tx->fd);
	tx->fd = -1;
	tx->ack_len = 0;
	tx->sent = tx->offset = 0;
	/* What fell off after it was sent died with that server, if it had not committed it. */
	tx->lost += tx->unsure;
	tx->unsure = 0;
}

void sg_link_tx_free(struct sg_link_tx *tx)
{
	if (!tx)
		return;
	tx_close(tx);
	for (size_t i = 0; i < tx->n; i++)
		free(tx_at(tx, i)->data);
	free(tx->frames);
	free(tx);
}

static void tx_forget(struct sg_link_tx *tx, size_t i)
{
	struct queued *q = tx_at(tx, i);

	tx->bytes -= q->n;
	free(q->data);
	if (i == 0)
		tx->head++;
	else
		memmove(q, q + 1, (tx->n - i - 1) * sizeof(*q));
	tx->n--;
	if (i < tx->sent)
		tx->sent--;
}

static void tx_acknowledged(struct sg_link_tx *tx, const struct sg_ack *a)
{
	if (a->session != tx->session)
		return;
	/* Only what was sent can be committed: a wild sequence number forgets nothing else. */
	while (tx->sent && tx_at(tx, 0)->seq <= a->seq)
		tx_forget(tx, 0);
	if (a->seq >= tx->unsure_seq)
		tx->unsure = 0;
	else
		tx->unsure = SG_MIN(tx->unsure, tx->unsure_seq - a->seq);
}

static int tx_read_acks(struct sg_link_tx *tx)
{
	for (;;) {
		ssize_t n = recv(tx->fd, tx->ack + tx->ack_len, sizeof(tx->ack) - tx->ack_len,
				 MSG_DONTWAIT);
		struct sg_ack a;

		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		tx->ack_len += n;
		if (tx->ack_len < sizeof(a))
			continue;
		memcpy(&a, tx->ack, sizeof(a));
		tx->ack_len = 0;
		if (a.magic != SG_ACK_MAGIC)
			return -EBADMSG;
		tx_acknowledged(tx, &a);
	}
}

/* Writes until the socket is full. 0, or -errno when the peer is gone. */
static int tx_write(struct sg_link_tx *tx)
{
	while (tx->sent < tx->n) {
		const struct queued *q = tx_at(tx, tx->sent);
		ssize_t n = send(tx->fd, q->data + tx->offset, q->n - tx->offset,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		tx->offset += n;
		if (tx->offset == q->n) {
			tx->sent++;
			tx->offset = 0;
		}
	}
	return 0;
}

/* One round of both directions; a peer that is gone leaves the queue for the next one. */
static void tx_pump(struct sg_link_tx *tx)
{
	int r = tx_read_acks(tx);

	if (r == 0)
		r = tx_write(tx);
	if (r < 0) {
		tx_close(tx);
		return;
	}
	if (tx->source)
		sg_loop_fd_events(tx->source, tx->sent < tx->n ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void tx_on_fd(struct sg_source *s, int fd, uint32_t events, void *ctx)
{
	tx_pump(ctx);
}

int sg_link_tx_attach(struct sg_link_tx *tx, int fd)
{
	int r;

	tx_close(tx);
	if (fd < 0)
		return 0;
	tx->fd = fd;
	r = sg_loop_fd(tx->loop, fd, EPOLLIN | EPOLLOUT, tx_on_fd, tx, &tx->source);
	if (r < 0) {
		tx_close(tx);
		return r;
	}
	tx_pump(tx);
	return 0;
}

/* Room for one more: moves what is there to the front, or grows. */
static int tx_reserve(struct sg_link_tx *tx)
{
	if (tx->head + tx->n < tx->cap)
		return 0;
	if (tx->head >= tx->n + 1) {
		memmove(tx->frames, tx_at(tx, 0), tx->n * sizeof(*tx->frames));
		tx->head = 0;
		return 0;
	}
	return SG_GROW(tx->frames, tx->cap, tx->head + tx->n);
}

/* The oldest frame falls off; one that is half written must stay whole for its reader. */
static void tx_drop_oldest(struct sg_link_tx *tx)
{
	size_t i = tx->sent == 0 && tx->offset > 0 ? 1 : 0;

	if (tx_at(tx, i)->profile) {
		tx->lost_profiles += i >= tx->sent;
	} else if (i < tx->sent) {
		tx->unsure++;
		tx->unsure_seq = tx_at(tx, i)->seq;
	} else {
		tx->lost++;
	}
	tx_forget(tx, i);
}

static int tx_push(struct sg_link_tx *tx, uint64_t seq, const void *p, size_t n, bool profile)
{
	unsigned char *copy = NULL;
	int r = tx_reserve(tx);

	if (r < 0)
		return r;
	copy = malloc(n);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, p, n);
	tx->frames[tx->head + tx->n++] =
		(struct queued){.seq = seq, .n = n, .data = copy, .profile = profile};
	tx->bytes += n;
	if (tx->fd >= 0)
		tx_pump(tx);
	while (tx->bytes > tx->max_bytes && tx->n > 1)
		tx_drop_oldest(tx);
	return 0;
}

static int take_lost(uint64_t *lost)
{
	int n = (int)SG_MIN(*lost, (uint64_t)INT32_MAX);

	*lost = 0;
	return n;
}

int sg_link_tx_push(struct sg_link_tx *tx, uint64_t seq, const void *p, size_t n)
{
	int r = tx_push(tx, seq, p, n, false);

	return r < 0 ? r : take_lost(&tx->lost);
}

int sg_link_tx_push_profile(struct sg_link_tx *tx, uint64_t seq, const void *p, size_t n)
{
	int r = tx_push(tx, seq, p, n, true);

	return r < 0 ? r : take_lost(&tx->lost_profiles);
}

size_t sg_link_tx_pending(const struct sg_link_tx *tx, size_t *bytes)
{
	if (bytes)
		*bytes = tx->bytes;
	return tx->n;
}

int sg_link_tx_drain(struct sg_link_tx *tx, int timeout_ms)
{
	uint64_t end = sg_mono_ns() + (uint64_t)timeout_ms * 1000000;

	while (tx->n && tx->fd >= 0) {
		struct pollfd p = {.fd = tx->fd, .events = POLLIN};
		uint64_t now = sg_mono_ns();

		if (now >= end)
			break;
		if (tx->sent < tx->n)
			p.events |= POLLOUT;
		if (poll(&p, 1, (int)((end - now) / 1000000) + 1) < 0 && errno != EINTR)
			return -errno;
		if (p.revents)
			tx_pump(tx);
	}
	return tx->n ? -ETIMEDOUT : 0;
}

struct sg_link_rx {
	struct sg_loop *loop;
	struct sg_source *source;
	sg_link_on_frame cb, on_profile;
	void *ctx;
	int fd;
	unsigned char *buf; /* the beginning of the next frame */
	size_t len, cap;
	struct sg_ack ack; /* the latest; an older one that could not be written is not missed */
	size_t ack_sent; /* bytes of 'out' written */
	struct sg_ack out; /* the one being written */
	bool ack_due;
};

int sg_link_rx_new(struct sg_loop *l, sg_link_on_frame cb, void *ctx, struct sg_link_rx **ret)
{
	struct sg_link_rx *rx = calloc(1, sizeof(*rx));

	if (!rx)
		return -ENOMEM;
	rx->loop = l;
	rx->cb = cb;
	rx->ctx = ctx;
	rx->fd = -1;
	*ret = rx;
	return 0;
}

void sg_link_rx_on_profile(struct sg_link_rx *rx, sg_link_on_frame cb)
{
	rx->on_profile = cb;
}

static void rx_close(struct sg_link_rx *rx)
{
	sg_loop_remove(sg_take(rx->source));
	if (rx->fd >= 0)
		close(rx->fd);
	rx->fd = -1;
	rx->len = 0; /* half a frame: its sender repeats it on the next socket */
	rx->ack_sent = 0;
	rx->ack_due = false;
}

void sg_link_rx_free(struct sg_link_rx *rx)
{
	if (!rx)
		return;
	rx_close(rx);
	free(rx->buf);
	free(rx);
}

/* What the record is that begins at p, and how long: as sg_frame_peek. */
static int64_t rx_peek(const struct sg_link_rx *rx, const void *p, size_t n, sg_link_on_frame *cb)
{
	int64_t frame = sg_frame_peek(p, n), profile = 0;

	*cb = rx->cb;
	if (frame > 0 || !rx->on_profile)
		return frame;
	profile = sg_profile_peek(p, n);
	if (profile > 0)
		*cb = rx->on_profile;
	/* As long as either may be, more is waited for. */
	return profile < 0 ? frame : profile;
}

/* Hands over the whole frames in buf. 0 or -errno: the link must be closed. */
static int rx_deliver(struct sg_link_rx *rx)
{
	size_t at = 0;

	for (;;) {
		sg_link_on_frame cb;
		int64_t n = rx_peek(rx, rx->buf + at, rx->len - at, &cb);
		int r;

		if (n < 0)
			return (int)n;
		if (n > SG_FRAME_MAX_BYTES)
			return -EMSGSIZE;
		if (n == 0 || (size_t)n > rx->len - at)
			break;
		r = cb(rx->buf + at, n, rx->ctx);
		if (r < 0)
			return r;
		at += n;
	}
	memmove(rx->buf, rx->buf + at, rx->len - at);
	rx->len -= at;
	return 0;
}

/* Reads what is there, at most budget bytes. 1: some; 0: nothing more; -errno: gone or bad. */
static int rx_read(struct sg_link_rx *rx, size_t budget)
{
	while (budget > 0) {
		ssize_t n;
		int r = SG_GROW(rx->buf, rx->cap, rx->len + RX_CHUNK);

		if (r < 0)
			return r;
		n = recv(rx->fd, rx->buf + rx->len, RX_CHUNK, MSG_DONTWAIT);
		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		rx->len += n;
		budget -= SG_MIN((size_t)n, budget);
		r = rx_deliver(rx);
		if (r < 0)
			return r;
	}
	return 1;
}

static int rx_write_ack(struct sg_link_rx *rx)
{
	while (rx->ack_due || rx->ack_sent) {
		ssize_t n;

		if (!rx->ack_sent) {
			rx->out = rx->ack;
			rx->ack_due = false;
		}
		n = send(rx->fd, (char *)&rx->out + rx->ack_sent, sizeof(rx->out) - rx->ack_sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rx->ack_due |= !rx->ack_sent;
			return errno == EAGAIN ? 0 : -errno;
		}
		rx->ack_sent = (rx->ack_sent + n) % sizeof(rx->out);
	}
	return 0;
}

static void rx_on_fd(struct sg_source *s, int fd, uint32_t events, void *ctx)
{
	struct sg_link_rx *rx = ctx;
	int r = rx_read(rx, RX_BUDGET);

	if (r >= 0)
		r = rx_write_ack(rx);
	if (r < 0) {
		rx_close(rx);
		return;
	}
	sg_loop_fd_events(s, rx->ack_due || rx->ack_sent ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

int sg_link_rx_attach(struct sg_link_rx *rx, int fd)
{
	int r;

	/* A sender that died cannot repeat what still waits in its socket. */
	while (rx->fd >= 0 && rx_read(rx, RX_BUDGET) > 0)
		;
	rx_close(rx);
	if (fd < 0)
		return 0;
	rx->fd = fd;
	r = sg_loop_fd(rx->loop, fd, EPOLLIN, rx_on_fd, rx, &rx->source);
	if (r < 0)
		rx_close(rx);
	return r;
}

int sg_link_rx_ack(struct sg_link_rx *rx, uint64_t session, uint64_t seq)
{
	int r;

	if (rx->fd < 0)
		return -ENOTCONN;
	rx->ack = (struct sg_ack){.magic = SG_ACK_MAGIC, .session = session, .seq = seq};
	rx->ack_due = true;
	r = rx_write_ack(rx);
	if (r == 0 && rx->source)
		sg_loop_fd_events(rx->source,
				  rx->ack_due || rx->ack_sent ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return r;
}

bool sg_link_rx_connected(const struct sg_link_rx *rx)
{
	return rx->fd >= 0;
}
