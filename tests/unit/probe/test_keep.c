// SPDX-License-Identifier: GPL-2.0
/* A domain that outlives who loaded it, in the running kernel; skipped without the right to load. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "probe/drain.h"
#include "probe/keep.h"
#include "probe/pool.h"

/* A process: what it has in its own memory. */
struct life {
	struct sg_shared shared;
	struct sg_slots *slots;
	struct sg_loaded loaded;
	struct sg_drain *drain;
};

struct fixture {
	struct sg_config cfg;
	struct life life;
	struct sg_kept shared, domain; /* the supervisor's */
};

static size_t domain_index(void)
{
	size_t i = 0;

	while (strcmp(sg_domains[i]->name, "syscall") != 0)
		i++;
	return i;
}

static const struct sg_domain *domain(void)
{
	return sg_domains[domain_index()];
}

static void bring_up(struct life *l, const struct sg_config *cfg)
{
	assert_int_equal(sg_slots_new(&l->shared, cfg, &l->slots), 0);
	assert_int_equal(sg_drain_new(&l->loaded, l->slots, domain_index(), &l->drain), 0);
}

static void begin(struct fixture *f)
{
	struct life *l = &f->life;
	int r;

	sg_shared_init(&l->shared, &f->cfg);
	r = sg_load(&l->loaded, domain(), &l->shared);
	if (r == -EPERM)
		skip();
	assert_int_equal(r, 0);
	if (l->shared.fd[SG_MAP_POOL_KEYS] >= 0) /* as sg_pool_new does */
		assert_int_equal(
			sg_memory_new(&l->shared.pool_seen, "pool", sg_pool_seen_bytes(&l->shared)),
			0);
	bring_up(l, &f->cfg);
}

/* All that a death frees in user space. */
static void end(struct life *l)
{
	for (size_t axis = 0; l->slots && axis < SG_AXES; axis++)
		for (size_t i = 0; i < l->slots->axes[axis].n; i++)
			sg_drain_release(l->slots->axes[axis].values[i]);
	sg_drain_free(l->drain);
	sg_slots_free(l->slots);
	sg_unload(&l->loaded);
	sg_shared_free(&l->shared);
	memset(l, 0, sizeof(*l));
	for (size_t i = 0; i < SG_SHARED_MAPS; i++)
		l->shared.fd[i] = -1;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	libbpf_set_print(NULL);
	sg_config_defaults(&f->cfg);
	f->cfg.slots = 64;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->life.loaded.domain)
		end(&f->life);
	sg_kept_close(&f->shared);
	sg_kept_close(&f->domain);
	free(f);
	return 0;
}

static void dup_all(struct sg_kept *k)
{
	for (uint32_t i = 0; i < k->n; i++)
		k->fds[i] = fcntl(k->fds[i], F_DUPFD_CLOEXEC, 3);
}

/* What the supervisor has of it. */
static void keep(struct fixture *f)
{
	assert_int_equal(sg_shared_keep(&f->life.shared, &f->shared), 0);
	assert_int_equal(sg_loaded_keep(&f->life.loaded, &f->domain), 0);
	dup_all(&f->shared);
	dup_all(&f->domain);
}

static int adopt(struct fixture *f)
{
	struct life *l = &f->life;
	int r;

	sg_shared_init(&l->shared, &f->cfg);
	r = sg_shared_adopt(&l->shared, &f->shared);
	return r < 0 ? r : sg_loaded_adopt(&l->loaded, domain(), &l->shared, &f->domain);
}

static void calls(int n)
{
	while (n-- > 0)
		syscall(SYS_sched_getparam, 0, NULL); /* fails, and nobody else calls it */
}

static uint64_t read_calls(struct life *l)
{
	const struct sg_acc *a;

	sg_slots_tick(l->slots);
	sg_drain_read(l->drain, l->shared.state->bank);
	a = l->drain->blocks[SYS_sched_getparam];
	return a ? a->count : 0;
}

static uint32_t program_id(const struct sg_loaded *l)
{
	struct bpf_prog_info i = {0};
	uint32_t n = sizeof(i);

	return bpf_obj_get_info_by_fd(l->attached[0].fd, &i, &n) < 0 ? 0 : i.id;
}

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void what_is_counted_while_nobody_reads_is_read_by_the_next(void **state)
{
	struct fixture *f = *state;
	uint32_t id;

	begin(f);
	calls(1000);
	assert_int_equal(read_calls(&f->life), 1000);
	id = program_id(&f->life.loaded);
	keep(f);
	calls(20);
	end(&f->life);
	calls(300);
	assert_int_equal(adopt(f), 0);
	bring_up(&f->life, &f->cfg);
	assert_int_equal(program_id(&f->life.loaded), id);
	calls(4000);
	assert_int_equal(read_calls(&f->life), 4320);
	calls(7);
	assert_int_equal(read_calls(&f->life), 7);
}

static void what_was_being_read_is_not_reported_again(void **state)
{
	struct fixture *f = *state;

	begin(f);
	calls(1000);
	keep(f);
	end(&f->life);
	assert_int_equal(adopt(f), 0);
	bring_up(&f->life, &f->cfg);
	sg_drain_skip(f->life.drain, f->life.shared.state->bank);
	calls(50);
	assert_int_equal(read_calls(&f->life), 50);
}

static void an_adopted_domain_is_like_a_loaded_one(void **state)
{
	struct fixture *f = *state;
	struct sg_loaded before;
	struct sg_kept again = {0};

	begin(f);
	before = f->life.loaded;
	keep(f);
	end(&f->life);
	assert_int_equal(adopt(f), 0);
	assert_ptr_equal(f->life.loaded.variant, before.variant);
	assert_int_equal(f->life.loaded.n_attached, before.n_attached);
	assert_int_equal(f->life.loaded.n_maps, before.n_maps);
	assert_int_equal(f->life.loaded.bytes, before.bytes);
	assert_true(sg_map_fd(&f->life.loaded, "sg_sums") >= 0);
	assert_int_equal(sg_loaded_keep(&f->life.loaded, &again), 0);
	assert_int_equal(again.n, f->domain.n);
	for (uint32_t i = 0; i < f->domain.n; i++)
		assert_int_equal(f->domain.fds[i], -1); /* all of it was taken */
}

static void nothing_is_left_when_the_last_descriptor_is_closed(void **state)
{
	struct fixture *f = *state;
	uint32_t id;
	int fd;

	begin(f);
	id = program_id(&f->life.loaded);
	keep(f);
	end(&f->life);
	fd = bpf_prog_get_fd_by_id(id);
	assert_true(fd >= 0);
	close(fd);
	sg_kept_close(&f->shared);
	sg_kept_close(&f->domain);
	for (int i = 0; i < 500 && (fd = bpf_prog_get_fd_by_id(id)) >= 0; i++) {
		close(fd);
		usleep(10000); /* the kernel frees it after a grace period */
	}
	assert_true(fd < 0);
}

static void other_sizes_are_refused(void **state)
{
	struct fixture *f = *state;

	begin(f);
	keep(f);
	end(&f->life);
	f->cfg.slots = 128;
	assert_int_equal(adopt(f), -EINVAL);
	for (size_t i = 0; i < SG_SHARED_MAPS; i++)
		assert_int_equal(f->life.shared.fd[i], -1);
}

/* Whatever stands in for one part of a set, the set is refused and all of it is closed. */
static void assert_refused_with(struct fixture *f, enum sg_kept_kind kind, int instead)
{
	int files = open_files();

	begin(f);
	keep(f);
	end(&f->life);
	for (uint32_t i = 0; i < f->domain.n; i++) {
		if (f->domain.parts[i].kind != kind)
			continue;
		close(f->domain.fds[i]);
		f->domain.fds[i] = instead < 0 ? -1 : fcntl(instead, F_DUPFD_CLOEXEC, 3);
		break;
	}
	assert_true(adopt(f) < 0);
	assert_int_equal(f->life.loaded.n_attached, 0);
	sg_kept_close(&f->shared);
	sg_kept_close(&f->domain);
	end(&f->life);
	assert_int_equal(open_files(), files);
}

static void a_descriptor_that_is_missing_or_another_thing_is_refused(void **state)
{
	struct fixture *f = *state;
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "other", 4, 4, 1, NULL);
	int file = open("/dev/zero", O_RDWR | O_CLOEXEC);
	struct sg_memory small;

	if (map < 0)
		skip();
	assert_int_equal(sg_memory_new(&small, "small", 4096), 0);
	for (enum sg_kept_kind kind = 0; kind < SG_KEPT_KINDS; kind++) {
		assert_refused_with(f, kind, file);
		if (kind != SG_KEPT_MAP)
			assert_refused_with(f, kind, map);
		if (kind != SG_KEPT_MEMORY)
			assert_refused_with(f, kind, small.fd);
	}
	assert_refused_with(f, SG_KEPT_MAP, -1);
	assert_refused_with(f, SG_KEPT_PROGRAM, -1);
	assert_refused_with(f, SG_KEPT_LINK, -1);
	assert_refused_with(f, SG_KEPT_MEMORY, -1);
	sg_memory_free(&small);
	close(map);
	close(file);
}

static void memory_of_another_size_is_refused_by_who_reads(void **state)
{
	struct fixture *f = *state;
	struct sg_memory small;

	begin(f);
	keep(f);
	end(&f->life);
	assert_int_equal(sg_memory_new(&small, "small", 4096), 0);
	close(sg_kept_take(&f->domain, SG_KEPT_MEMORY, "seen"));
	assert_int_equal(sg_kept_add(&f->domain, SG_KEPT_MEMORY, "seen",
				     fcntl(small.fd, F_DUPFD_CLOEXEC, 3)),
			 0);
	sg_memory_free(&small);
	assert_int_equal(adopt(f), 0);
	assert_int_equal(sg_slots_new(&f->life.shared, &f->cfg, &f->life.slots), 0);
	assert_int_equal(
		sg_drain_new(&f->life.loaded, f->life.slots, domain_index(), &f->life.drain),
		-EINVAL);
}

static void a_domain_of_another_life_is_refused(void **state)
{
	struct fixture *f = *state;
	struct sg_kept old;

	begin(f);
	keep(f);
	old = f->domain;
	sg_kept_close(&f->shared);
	f->domain.n = 0;
	end(&f->life);
	begin(f);
	keep(f);
	sg_kept_close(&f->domain);
	f->domain = old; /* its programs know tasks and slots that nobody else knows */
	end(&f->life);
	assert_int_equal(adopt(f), -ESTALE);
}

static void an_unknown_variant_is_refused(void **state)
{
	struct fixture *f = *state;

	begin(f);
	keep(f);
	end(&f->life);
	strcpy(f->domain.variant, "magic");
	assert_int_equal(adopt(f), -EINVAL);
}

static void memory_that_could_be_shortened_is_refused(void **state)
{
	struct sg_memory m = {0};
	int fd = memfd_create("plain", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(sg_memory_adopt(&m, fd), -EINVAL);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed */
	assert_int_equal(sg_memory_adopt(&m, -1), -EINVAL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_counted_while_nobody_reads_is_read_by_the_next),
		TEST(what_was_being_read_is_not_reported_again),
		TEST(an_adopted_domain_is_like_a_loaded_one),
		TEST(nothing_is_left_when_the_last_descriptor_is_closed),
		TEST(other_sizes_are_refused),
		TEST(a_descriptor_that_is_missing_or_another_thing_is_refused),
		TEST(memory_of_another_size_is_refused_by_who_reads),
		TEST(a_domain_of_another_life_is_refused),
		TEST(an_unknown_variant_is_refused),
		TEST(memory_that_could_be_shortened_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
