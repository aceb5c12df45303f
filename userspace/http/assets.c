// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "assets.h"

#define ASSET_MAX (16U << 20)

static const struct {
	const char *suffix, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"},
	{".js", "text/javascript; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},
	{".json", "application/json"},
	{".svg", "image/svg+xml"},
	{".png", "image/png"},
	{".ico", "image/x-icon"},
	{".woff2", "font/woff2"},
	{".txt", "text/plain; charset=utf-8"},
	{".webmanifest", "application/manifest+json"},
};

static const char *type_of(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(types); i++)
		if (!strcmp(dot, types[i].suffix))
			return types[i].type;
	return "application/octet-stream";
}

bool http_asset_immutable(const char *path)
{
	const char *dash = strrchr(path, '-');
	int n = 0;

	if (!dash)
		return false;
	for (dash++; isalnum((unsigned char)dash[n]); n++)
		;
	return n >= 8 && dash[n] == '.';
}

static const struct sg_asset *find(const struct sg_asset *table, const char *path, bool *gzip)
{
	size_t n = strlen(path);

	for (const struct sg_asset *a = table; a->name; a++) {
		if (strncmp(a->name, path, n) != 0)
			continue;
		*gzip = !strcmp(a->name + n, ".gz");
		if (*gzip || !a->name[n])
			return a;
	}
	return NULL;
}

/* If-None-Match is a list of tags, W/ allowed, or "*". */
static bool etag_matches(const char *header, const char *etag)
{
	return header && (!strcmp(header, "*") || strstr(header, etag));
}

static void send_data(const struct sg_asset *a, bool gzip, bool accepted,
		      struct http_response *resp)
{
	resp->vary = gzip;
	resp->gzip = gzip && accepted;
	if (!gzip || accepted) {
		resp->fixed = a->data;
		resp->fixed_len = a->end - a->data;
	} else if (sg_gunzip(a->data, a->end - a->data, ASSET_MAX, &resp->body) < 0) {
		http_response_text(resp, 500, "this file cannot be unpacked");
	}
}

bool http_asset(const struct sg_asset *table, const struct http_request *req,
		struct http_response *resp)
{
	const char *path = strcmp(req->path, "/") ? req->path : "/index.html";
	bool accepted = http_has_token(req->accept_encoding, "gzip");
	bool gzip = false;
	const struct sg_asset *a = find(table, path, &gzip);

	if (!a)
		return false;
	resp->status = 200;
	resp->type = type_of(path);
	resp->cache =
		http_asset_immutable(path) ? "public, max-age=31536000, immutable" : "no-cache";
	/* The two encodings are two representations, so they have two tags. */
	snprintf(resp->etag, sizeof(resp->etag), "\"%08x-%zx%s\"",
		 sg_crc32c(0, a->data, a->end - a->data), (size_t)(a->end - a->data),
		 gzip && accepted ? "z" : "");
	if (etag_matches(req->if_none_match, resp->etag)) {
		resp->status = 304;
		resp->vary = gzip;
	} else {
		send_data(a, gzip, accepted, resp);
	}
	return true;
}
