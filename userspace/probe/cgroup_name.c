// SPDX-License-Identifier: GPL-2.0
// From a cgroup's path to what people call it.
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cgroup.h"
#include "label.h"

#define ID_HEX 64 /* of a container id */
#define ID_SHOWN 12 /* as every container tool prints it */
#define POD_UID 36

struct part {
	const char *p;
	size_t n;
};

static const char *const unit_suffixes[] = {".service", ".scope", ".slice", ".socket", ".mount"};

/* The part before *end of the path; false at the root. */
static bool part_before(const char *path, const char **end, struct part *ret)
{
	const char *e = *end, *p;

	while (e > path && e[-1] == '/')
		e--;
	for (p = e; p > path && p[-1] != '/'; p--)
		;
	*ret = (struct part){p, (size_t)(e - p)};
	*end = p;
	return e > p;
}

static bool ends_with(struct part c, const char *suffix)
{
	size_t n = strlen(suffix);

	return c.n > n && !memcmp(c.p + c.n - n, suffix, n);
}

static bool is_unit(struct part c)
{
	for (size_t i = 0; i < ARRAY_SIZE(unit_suffixes); i++) {
		if (ends_with(c, unit_suffixes[i]))
			return true;
	}
	return false;
}

static bool all_hex(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isxdigit((unsigned char)p[i]))
			return false;
	}
	return true;
}

/*
 * "docker-<64 hex>.scope" as systemd names it, or "<64 hex>", whose runtime is
 * then the parent's name ("docker/<64 hex>"). On success id is the container's.
 */
static bool is_container(struct part c, struct part *runtime, struct part *id)
{
	if (ends_with(c, ".scope"))
		c.n -= strlen(".scope");
	if (c.n < ID_HEX || !all_hex(c.p + c.n - ID_HEX, ID_HEX))
		return false;
	*id = (struct part){c.p + c.n - ID_HEX, ID_SHOWN};
	*runtime = (struct part){c.p, c.n - ID_HEX};
	if (!runtime->n)
		return true;
	if (runtime->p[runtime->n - 1] != '-')
		return false;
	runtime->n--;
	return true;
}

/* "kubepods-besteffort-pod<uid>.slice" (with '_' for '-') or "pod<uid>": the uid with '-'. */
static bool pod_uid(struct part c, char out[POD_UID + 1])
{
	if (ends_with(c, ".slice"))
		c.n -= strlen(".slice");
	if (c.n < POD_UID + 3 || memcmp(c.p + c.n - POD_UID - 3, "pod", 3) != 0)
		return false;
	for (size_t i = 0; i < POD_UID; i++) {
		char ch = c.p[c.n - POD_UID + i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? ch != '-' && ch != '_' : !isxdigit((unsigned char)ch))
			return false;
		out[i] = dash ? '-' : ch;
	}
	out[POD_UID] = '\0';
	return true;
}

static void container_name(const char *path, const char *end, struct part runtime, struct part id,
			   char out[SG_CGROUP_NAME_MAX])
{
	struct part parent = {path, 0};
	char uid[POD_UID + 1], name[2 * SG_CGROUP_NAME_MAX];
	bool pod = part_before(path, &end, &parent) && pod_uid(parent, uid);
	const char *dash;

	if (!runtime.n && !pod && parent.n)
		runtime = parent;
	if (runtime.n > 64) /* no runtime is called that */
		runtime.n = 64;
	dash = runtime.n ? "-" : "";
	if (pod)
		snprintf(name, sizeof(name), "pod%s/%.*s%s%.*s", uid, (int)runtime.n, runtime.p,
			 dash, (int)id.n, id.p);
	else
		snprintf(name, sizeof(name), "%.*s%s%.*s", (int)runtime.n, runtime.p, dash,
			 (int)id.n, id.p);
	sg_label_clean(out, SG_CGROUP_NAME_MAX, name, strlen(name));
}

/* A container anywhere on the way comes first: its inside may hold a whole systemd with units. */
void sg_cgroup_path_name(const char *path, char out[SG_CGROUP_NAME_MAX])
{
	const char *end = path + strlen(path);
	struct part c, runtime, id, unit = {NULL, 0};

	while (part_before(path, &end, &c)) {
		if (is_container(c, &runtime, &id)) {
			container_name(path, end, runtime, id, out);
			return;
		}
		if (!unit.p && is_unit(c))
			unit = c;
	}
	if (unit.p)
		sg_label_clean(out, SG_CGROUP_NAME_MAX, unit.p, unit.n);
	else if (*path)
		sg_label_clean(out, SG_CGROUP_NAME_MAX, path, strlen(path));
	else
		memcpy(out, "/", 2);
}
