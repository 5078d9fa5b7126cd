/* What is done to the captured tables before anything is read of them. */
#ifndef LEAT_SOURCE_POSTGRES_IDENTITY_H
#define LEAT_SOURCE_POSTGRES_IDENTITY_H

#include "source/postgres/conf.h"
#include "source/postgres/rules.h"

/* For validation: reports rules of replica.identity.autoset.values that cannot be read. */
void leat_pg_identities_check(const leat_opt_list *list, leat_report *r);
/* Sets the replica identities that the rules want, where tables have another. CONF when two rules
 * fit a table, or what the server says: the user must own the table. */
leat_rc leat_pg_identities_set(leat_pg *c, const leat_opt_list *list,
                               const leat_pg_relation *const *tables, size_t n, leat_arena *a,
                               leat_err *e);
/* CONF "capture.guardrail" when n captured tables are more than guardrail.collections.max allows
 * and that is to be an error; else it is told. */
leat_rc leat_pg_guardrail(const leat_capture_conf *c, size_t n, leat_err *e);

#endif
