// SPDX-License-Identifier: GPL-2.0
/* A process that takes numbers of the pool back dies, and another goes on. On real maps; skipped without the right to make them. */
#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe/pool.h"

enum { ROWS = 32, CELLS = 16, GRACE = 3, IDLE = SG_IDLE_TICKS + 1 };

struct fixture {
	struct sg_shared shared;
	struct sg_config cfg;
	struct sg_slots *slots;
	struct sg_pool *pool;
	struct sg_drain **drains;
};

static int make(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t n)
{
	LIBBPF_OPTS(bpf_map_create_opts, o);

	if (type == BPF_MAP_TYPE_ARRAY)
		o.map_flags = BPF_F_MMAPABLE;
	return bpf_map_create(type, "pool", key, value, n, &o);
}

static void make_maps(struct sg_shared *s)
{
	uint32_t parts = sg_parts(s);

	s->fd[SG_MAP_POOL_KEYS] = make(BPF_MAP_TYPE_HASH, sizeof(struct sg_pool_key),
				       sizeof(struct sg_pool_entry), ROWS + CELLS);
	s->fd[SG_MAP_POOL_FREE] = make(BPF_MAP_TYPE_QUEUE, 0, 4, ROWS);
	s->fd[SG_MAP_POOL_FREE_CELLS] = make(BPF_MAP_TYPE_QUEUE, 0, 4, CELLS);
	s->fd[SG_MAP_POOL_OWNERS] =
		make(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_pool_key), ROWS + CELLS);
	s->fd[SG_MAP_POOL_ROWS] = make(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_row), parts * ROWS);
	s->fd[SG_MAP_POOL_SUMS] = make(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sg_sum), parts * ROWS);
	s->fd[SG_MAP_POOL_CELLS] = make(BPF_MAP_TYPE_ARRAY, 4, 8, parts * CELLS);
}

static void start(struct fixture *f)
{
	assert_int_equal(sg_slots_new(&f->shared, &f->cfg, &f->slots), 0);
	assert_int_equal(sg_pool_new(&f->shared, f->slots, f->drains, &f->pool), 0);
}

static void end(struct fixture *f)
{
	sg_pool_free(sg_take(f->pool));
	sg_slots_free(sg_take(f->slots));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	sg_config_defaults(&f->cfg);
	f->cfg.slots = 16;
	f->cfg.pool_rows = ROWS;
	f->cfg.pool_cells = CELLS;
	sg_shared_init(&f->shared, &f->cfg);
	f->drains = calloc(sg_n_domains, sizeof(struct sg_drain *));
	make_maps(&f->shared);
	if (f->shared.fd[SG_MAP_POOL_CELLS] < 0)
		return 0;
	assert_int_equal(sg_pool_fill(&f->shared), 0);
	start(f);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	end(f);
	sg_shared_free(&f->shared);
	free(f->drains);
	free(f);
	return 0;
}

static void need_maps(const struct fixture *f)
{
	if (!f->pool)
		skip();
}

static void die(struct fixture *f)
{
	end(f);
	start(f);
}

/* As a program does for a new key. */
static uint32_t program_takes(struct fixture *f, uint32_t name, bool cell)
{
	struct sg_pool_key key = {.kind = SG_KEY_LABELS, .cell = cell, .a = name};
	int from = f->shared.fd[cell ? SG_MAP_POOL_FREE_CELLS : SG_MAP_POOL_FREE];
	struct sg_pool_entry e = {0};

	assert_int_equal(bpf_map_lookup_and_delete_elem(from, NULL, &e.number), 0);
	assert_int_equal(bpf_map_update_elem(f->shared.fd[SG_MAP_POOL_KEYS], &key, &e, BPF_NOEXIST),
			 0);
	return e.number;
}

static void ticks(struct fixture *f, int n)
{
	while (n-- > 0) {
		sg_slots_tick(f->slots);
		sg_pool_tick(f->pool);
	}
}

static void count_keys(struct fixture *f, uint8_t *rows, uint8_t *cells)
{
	struct sg_pool_key key, at, *prev = NULL;
	struct sg_pool_entry e;

	while (bpf_map_get_next_key(f->shared.fd[SG_MAP_POOL_KEYS], prev, &key) == 0) {
		assert_int_equal(bpf_map_lookup_elem(f->shared.fd[SG_MAP_POOL_KEYS], &key, &e), 0);
		(key.cell ? cells : rows)[e.number]++;
		at = key;
		prev = &at;
	}
}

static void count_free(int queue, uint8_t *seen)
{
	uint32_t number;

	while (bpf_map_lookup_and_delete_elem(queue, NULL, &number) == 0)
		seen[number]++;
}

static void assert_each_once(struct fixture *f)
{
	uint8_t rows[ROWS] = {0}, cells[CELLS] = {0};

	count_keys(f, rows, cells);
	count_free(f->shared.fd[SG_MAP_POOL_FREE], rows);
	count_free(f->shared.fd[SG_MAP_POOL_FREE_CELLS], cells);
	for (uint32_t i = 1; i < ROWS; i++)
		assert_int_equal(rows[i], 1);
	for (uint32_t i = 1; i < CELLS; i++)
		assert_int_equal(cells[i], 1);
}

static void numbers_that_were_being_taken_back_come_back(void **state)
{
	struct fixture *f = *state;

	need_maps(f);
	for (uint32_t i = 0; i < 28; i++)
		program_takes(f, i, false);
	for (uint32_t i = 0; i < 14; i++)
		program_takes(f, i, true);
	die(f); /* so that it knows them */
	assert_int_equal(f->pool->rows_used, 28);
	ticks(f, IDLE);
	die(f);
	assert_int_equal(f->pool->rows_used, 28);
	assert_int_equal(f->pool->cells_used, 14);
	ticks(f, GRACE);
	assert_int_equal(f->pool->rows_used, 0);
	assert_int_equal(f->pool->cells_used, 0);
	assert_each_once(f);
}

static void a_key_that_was_not_deleted_yet_keeps_its_number(void **state)
{
	struct fixture *f = *state;
	uint32_t row, cell;

	need_maps(f);
	row = program_takes(f, 1, false);
	cell = program_takes(f, 1, true);
	((uint8_t *)f->shared.retiring.p)[f->shared.slots + row] = 1;
	((uint8_t *)f->shared.retiring.p)[f->shared.slots + ROWS + cell] = 1;
	die(f);
	ticks(f, GRACE + 1);
	assert_int_equal(f->pool->rows[row].state, SG_POOL_USED);
	assert_int_equal(f->pool->cells[cell].state, SG_POOL_USED);
	die(f);
	assert_int_equal(f->pool->rows_used, 1);
	assert_each_once(f);
}

/* As a program of CPU 0 and bank 0 does. */
static void add_to_cell(struct fixture *f, uint32_t number, uint64_t n)
{
	uint64_t before = 0;

	bpf_map_lookup_elem(f->shared.fd[SG_MAP_POOL_CELLS], &number, &before);
	before += n;
	bpf_map_update_elem(f->shared.fd[SG_MAP_POOL_CELLS], &number, &before, BPF_ANY);
}

static void what_was_read_before_is_not_reported_again(void **state)
{
	struct fixture *f = *state;
	uint32_t cell;

	need_maps(f);
	cell = program_takes(f, 1, true);
	add_to_cell(f, cell, 100);
	ticks(f, 1);
	sg_pool_read(f->pool, 0);
	assert_int_equal(f->pool->drain->counted[cell], 100);
	add_to_cell(f, cell, 20);
	die(f);
	add_to_cell(f, cell, 3);
	ticks(f, 1);
	sg_pool_read(f->pool, 0);
	assert_int_equal(f->pool->drain->counted[cell], 23);
	add_to_cell(f, cell, 7);
	sg_pool_skip(f->pool, 0);
	sg_pool_read(f->pool, 0);
	assert_int_equal(f->pool->drain->counted[cell], 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(numbers_that_were_being_taken_back_come_back),
		TEST(a_key_that_was_not_deleted_yet_keeps_its_number),
		TEST(what_was_read_before_is_not_reported_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
