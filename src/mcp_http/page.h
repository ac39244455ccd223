/* SPDX-License-Identifier: MIT */
/*
 * page - what is served beside /mcp: health, metrics, metadata, and preflights of browsers.
 */
#ifndef JOBWIRE_MCP_HTTP_PAGE_H
#define JOBWIRE_MCP_HTTP_PAGE_H

struct conn;
struct service;

void page_health(struct service *s, struct conn *conn);
void page_metrics(struct service *s, struct conn *conn);
void page_metadata(struct service *s, struct conn *conn);
void page_preflight(struct service *s, struct conn *conn);

#endif
