// SPDX-License-Identifier: GPL-2.0
// The layout is that of Documentation/bpf/btf.rst; structs are the kernel's uapi.
#include <errno.h>
#include <linux/btf.h>
#include <string.h>

#include <sgprobe/file.h>
#include <sgprobe/str.h>

#include "btf_enum.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
#define BTF_BYTES_MAX (64u << 20)

struct view {
	const char *types, *strings;
	size_t types_len, strings_len;
};

/* What follows a type, in bytes; -1: a kind that is not known, and nothing behind it can be found. */
static long tail_of(unsigned int kind, size_t vlen)
{
	switch (kind) {
	case BTF_KIND_INT: return sizeof(uint32_t);
	case BTF_KIND_ARRAY: return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION: return (long)(vlen * sizeof(struct btf_member));
	case BTF_KIND_ENUM: return (long)(vlen * sizeof(struct btf_enum));
	case BTF_KIND_FUNC_PROTO: return (long)(vlen * sizeof(struct btf_param));
	case BTF_KIND_VAR: return sizeof(struct btf_var);
	case BTF_KIND_DATASEC: return (long)(vlen * sizeof(struct btf_var_secinfo));
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_FLOAT: return 0;
	case BTF_KIND_DECL_TAG: return sizeof(struct btf_decl_tag);
	case BTF_KIND_ENUM64: return (long)(vlen * sizeof(struct btf_enum64));
	default: return -1;
	}
}

static bool open_view(struct view *v, const void *btf, size_t n)
{
	const char *data = btf;
	struct btf_header h;

	if (n < sizeof(h))
		return false;
	memcpy(&h, data, sizeof(h));
	if (h.magic != BTF_MAGIC || h.hdr_len < sizeof(h) || h.hdr_len > n)
		return false;
	n -= h.hdr_len;
	if (h.type_off > n || h.type_len > n - h.type_off || h.str_off > n ||
	    h.str_len > n - h.str_off || h.str_len == 0)
		return false;
	*v = (struct view){data + h.hdr_len + h.type_off, data + h.hdr_len + h.str_off, h.type_len,
			   h.str_len};
	return v->strings[v->strings_len - 1] == '\0';
}

static const char *string_at(const struct view *v, uint32_t off)
{
	return off < v->strings_len ? v->strings + off : "";
}

static int each_value(const struct view *v, const char *at, size_t n, sg_btf_enum_cb cb, void *ctx)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct btf_enum e;

		memcpy(&e, at + i * sizeof(e), sizeof(e));
		r = cb(string_at(v, e.name_off), e.val, ctx);
	}
	return r;
}

int sg_btf_enum(const void *btf, size_t n, const char *name, sg_btf_enum_cb cb, void *ctx)
{
	struct btf_type t;
	struct view v;
	size_t at = 0;

	if (!open_view(&v, btf, n))
		return -EBADMSG;
	while (at < v.types_len) {
		long tail;

		if (v.types_len - at < sizeof(t))
			return -EBADMSG;
		memcpy(&t, v.types + at, sizeof(t));
		at += sizeof(t);
		tail = tail_of(BTF_INFO_KIND(t.info), BTF_INFO_VLEN(t.info));
		if (tail < 0 || (size_t)tail > v.types_len - at)
			return -EBADMSG;
		if (BTF_INFO_KIND(t.info) == BTF_KIND_ENUM &&
		    strcmp(string_at(&v, t.name_off), name) == 0)
			return each_value(&v, v.types + at, BTF_INFO_VLEN(t.info), cb, ctx);
		at += (size_t)tail;
	}
	return -ENOENT;
}

int sg_btf_enum_kernel(const char *name, sg_btf_enum_cb cb, void *ctx)
{
	sg_auto_buf b = {0};
	int r = sg_read_file(BTF_PATH, BTF_BYTES_MAX, &b);

	return r < 0 ? r : sg_btf_enum(b.data, b.len, name, cb, ctx);
}
