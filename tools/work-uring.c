// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of io_uring, by system calls alone. work-uring KIND N
 *   nop       N requests that do nothing, up to 32 at a time
 *   read      N reads of a byte of a file
 *   async     the same, each given to a worker thread
 *   error     N reads of a file that is not open
 *   timeout   N timeouts of 20 ms, one after another
 *   poll      one poll that completes N times, each time that a pipe is written to
 *   wait      N reads of an empty pipe, which is written to 20 ms later
 *   overflow  N requests that do nothing, whose completions are not taken; prints how many found no room
 * Exit status 2: this kernel has no io_uring, or it is switched off.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES 32

static struct {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	unsigned int cq_entries;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
} ring;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *map(size_t size, off_t at)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, at);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static void open_ring(void)
{
	struct io_uring_params p = {0};
	char *sq, *cq;

	ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (ring.fd < 0) {
		perror("io_uring_setup");
		exit(2);
	}
	sq = map(p.sq_off.array + p.sq_entries * sizeof(unsigned int), IORING_OFF_SQ_RING);
	cq = map(p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	ring.sqes = map(p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	ring.sq_tail = (unsigned int *)(sq + p.sq_off.tail);
	ring.sq_mask = (unsigned int *)(sq + p.sq_off.ring_mask);
	ring.sq_array = (unsigned int *)(sq + p.sq_off.array);
	ring.cq_head = (unsigned int *)(cq + p.cq_off.head);
	ring.cq_tail = (unsigned int *)(cq + p.cq_off.tail);
	ring.cq_mask = (unsigned int *)(cq + p.cq_off.ring_mask);
	ring.cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	ring.cq_entries = p.cq_entries;
}

static void put(const struct io_uring_sqe *sqe)
{
	static unsigned long long number;
	unsigned int tail = *ring.sq_tail, i = tail & *ring.sq_mask;

	ring.sqes[i] = *sqe;
	ring.sqes[i].user_data = ++number;
	ring.sq_array[i] = i;
	__atomic_store_n(ring.sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static void enter(unsigned int submit, unsigned int wait)
{
	if (syscall(SYS_io_uring_enter, ring.fd, submit, wait, wait ? IORING_ENTER_GETEVENTS : 0,
		    NULL, 0) < 0)
		fail("io_uring_enter");
}

/* Takes what is there; the result of the last. */
static int take(void)
{
	unsigned int head = *ring.cq_head, tail = __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE);
	int res = 0;

	for (; head != tail; head++)
		res = ring.cqes[head & *ring.cq_mask].res;
	__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
	return res;
}

static int each(const struct io_uring_sqe *sqe, long n, int want)
{
	for (long i = 0; i < n; i++) {
		put(sqe);
		enter(1, 1);
		if (take() != want)
			return 1;
	}
	return 0;
}

static int nop(long n)
{
	const struct io_uring_sqe sqe = {.opcode = IORING_OP_NOP};

	while (n > 0) {
		unsigned int some = n < ENTRIES ? (unsigned int)n : ENTRIES;

		for (unsigned int i = 0; i < some; i++)
			put(&sqe);
		enter(some, some);
		take();
		n -= some;
	}
	return 0;
}

static int read_file(long n, unsigned char flags)
{
	char path[] = "/tmp/work-uring.XXXXXX", byte = 'x';
	int fd = mkstemp(path);
	struct io_uring_sqe sqe = {.opcode = IORING_OP_READ,
				   .flags = flags,
				   .fd = fd,
				   .addr = (unsigned long)&byte,
				   .len = 1};

	unlink(path);
	if (write(fd, &byte, 1) != 1)
		fail("write");
	return each(&sqe, n, 1);
}

static int read_now(long n)
{
	return read_file(n, 0);
}

static int async(long n)
{
	return read_file(n, IOSQE_ASYNC);
}

static int error(long n)
{
	char byte;
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_READ, .fd = -1, .addr = (unsigned long)&byte, .len = 1};

	return each(&sqe, n, -9 /* EBADF */);
}

static int timeout(long n)
{
	struct __kernel_timespec t = {.tv_nsec = 20000000};
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_TIMEOUT, .fd = -1, .addr = (unsigned long)&t, .len = 1};

	return each(&sqe, n, -62 /* ETIME */);
}

/* Each write is one completion of the same request. */
static int many(long n)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_POLL_ADD,
				   .len = IORING_POLL_ADD_MULTI,
				   .poll32_events = POLLIN};
	int ends[2];
	char byte = 'x';

	if (pipe(ends))
		fail("pipe");
	sqe.fd = ends[0];
	put(&sqe);
	enter(1, 0);
	for (long i = 0; i < n; i++) {
		if (write(ends[1], &byte, 1) != 1)
			fail("write");
		enter(0, 1);
		if (!(take() & POLLIN) || read(ends[0], &byte, 1) != 1)
			return 1;
	}
	return 0;
}

static int wait_for_byte(long n)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_READ, .len = 1};
	int ends[2];
	char byte = 'x';

	if (pipe(ends))
		fail("pipe");
	sqe.fd = ends[0];
	sqe.addr = (unsigned long)&byte;
	for (long i = 0; i < n; i++) {
		put(&sqe);
		enter(1, 0);
		usleep(20000);
		if (write(ends[1], &byte, 1) != 1)
			fail("write");
		enter(0, 1);
		if (take() != 1)
			return 1;
	}
	return 0;
}

static int overflow(long n)
{
	const struct io_uring_sqe sqe = {.opcode = IORING_OP_NOP};

	for (long i = 0; i < n; i++) {
		put(&sqe);
		enter(1, 0);
	}
	printf("%ld\n", n > (long)ring.cq_entries ? n - (long)ring.cq_entries : 0);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(long n);
	} kinds[] = {{"nop", nop},
		     {"read", read_now},
		     {"async", async},
		     {"error", error},
		     {"timeout", timeout},
		     {"poll", many},
		     {"wait", wait_for_byte},
		     {"overflow", overflow}};

	open_ring();
	for (size_t i = 0; argc > 2 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			return kinds[i].run(atol(argv[2]));
	fprintf(stderr, "usage: work-uring nop|read|async|error|timeout|poll|wait|overflow N\n");
	return 1;
}
