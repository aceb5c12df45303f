/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dashboard's files, embedded by tools/embed.sh as the table sg_assets. A name
 * that ends in .gz is gzip and is asked for without it. Nothing here opens a file:
 * what is not a row does not exist.
 */
#ifndef HTTP_ASSETS_H
#define HTTP_ASSETS_H

#include "request.h"
#include "response.h"

struct sg_asset {
	const char *name; /* "/index.html.gz"; NULL ends the table */
	const unsigned char *data, *end;
};
extern const struct sg_asset sg_assets[];

/* Answers with the file of that path, 304 when the client has it; false: there is none. */
bool http_asset(const struct sg_asset *table, const struct http_request *req,
		struct http_response *resp);
/* True for names that carry a hash of their content ("/app-3F9A01BC.js"): they never change. */
bool http_asset_immutable(const char *path);

#endif
