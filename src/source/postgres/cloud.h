/* PostgreSQL as a service: what is done otherwise there than on a server of one's own. Any thread.
 */
#ifndef LEAT_SOURCE_POSTGRES_CLOUD_H
#define LEAT_SOURCE_POSTGRES_CLOUD_H

#include <stdbool.h>

struct leat_pg_exam;

/* One service. */
typedef struct leat_pg_cloud {
    const char *title;   /* "Amazon RDS" */
    const char *admins;  /* role by whose presence it is known; its members administer */
    const char *giver;   /* role whose members may replicate without the attribute; NULL: none */
    const char *logical; /* how wal_level becomes logical */
    const char *kind,
        *then; /* "flag": what settings are called, and what comes after setting one */
} leat_pg_cloud;

/* Which it is, told as the step "service"; NULL: none that is known, and nothing is told. */
const leat_pg_cloud *leat_pg_cloud_look(struct leat_pg_exam *x);
/* "free one, or set the flag max_wal_senders to 15, ...", in the exam's arena. */
const char *leat_pg_cloud_setting(struct leat_pg_exam *x, const char *setting, long long value);
/* Whether the user may replicate, told as the step "replication". */
bool leat_pg_cloud_replication(struct leat_pg_exam *x);

#endif
