/* slot.stream.params: what is told to pgoutput beside what leat tells it itself. Pure. */
#ifndef LEAT_SOURCE_POSTGRES_PARAMS_H
#define LEAT_SOURCE_POSTGRES_PARAMS_H

#include "base/buf.h"
#include "config/opt.h"

/* Reports each part of text ("name=value;...", may be NULL) that cannot be passed on, and why. */
void leat_pg_params_check(const char *text, leat_report *r);
/* Appends ", name 'value'" for each part of text, which has been checked, and the messages option
 * unless that is one of them. version: the server's; CONF "postgres.option" if it is too old for
 * one. */
leat_rc leat_pg_params_put(const char *text, int version, leat_buf *out, leat_err *e);

#endif
