/* What services of PostgreSQL differ in: who may replicate, and how settings are changed, which
 * ALTER SYSTEM cannot do there.
 *
 * A service is known by the role of its administrators. The attribute REPLICATION is what counts
 * everywhere but on Amazon's, where nobody has it and a role stands for it. Any thread. */
#include "source/postgres/cloud.h"

#include "source/postgres/check.h"

static const leat_pg_cloud clouds[] = {
    {.title = "Amazon RDS or Aurora",
     .admins = "rds_superuser",
     .giver = "rds_replication",
     .logical = "set rds.logical_replication = 1 in the parameter group of the instance (Aurora: "
                "of the cluster) and reboot it",
     .kind = "parameter",
     .then = " in the parameter group, and reboot the instance"},
    {.title = "Google Cloud SQL",
     .admins = "cloudsqlsuperuser",
     .logical = "set the flag cloudsql.logical_decoding to on (gcloud sql instances patch "
                "INSTANCE --database-flags=cloudsql.logical_decoding=on names all flags that are "
                "to stay, too), which restarts the instance",
     .kind = "flag",
     .then = ", which restarts the instance"},
    {.title = "Google AlloyDB",
     .admins = "alloydbsuperuser",
     .logical = "set the flag alloydb.logical_decoding to on, which restarts the instance",
     .kind = "flag",
     .then = ", which restarts the instance"},
    {.title = "Azure Database for PostgreSQL",
     .admins = "azure_pg_admin",
     .logical = "set the server parameter wal_level to logical (az postgres flexible-server "
                "parameter set --name wal_level --value logical) and restart the server",
     .kind = "server parameter",
     .then = " and restart the server"},
};
enum { CLOUDS = sizeof clouds / sizeof *clouds };

const leat_pg_cloud *leat_pg_cloud_look(leat_pg_exam *x)
{
    PGresult *res = leat_pg_ask(x, "service", "SELECT rolname FROM pg_catalog.pg_roles", 0, NULL);
    const leat_pg_cloud *found = NULL;
    for (int row = 0; res && row < PQntuples(res); row++)
        for (size_t i = 0; i < CLOUDS; i++)
            if (strcmp(PQgetvalue(res, row, 0), clouds[i].admins) == 0) found = &clouds[i];
    PQclear(res);
    if (found)
        leat_pg_tell(
            x, "service", LEAT_STEP_OK, NULL,
            leat_arena_printf(x->a, "%s (it has the role %s)", found->title, found->admins), NULL);
    return found;
}

const char *leat_pg_cloud_setting(leat_pg_exam *x, const char *setting, long long value)
{
    return leat_arena_printf(x->a, "free one, or set the %s %s to %lld%s", x->cloud->kind, setting,
                             value, x->cloud->then);
}

/* What the user lacks, and who gives it. */
static void tell_missing(leat_pg_exam *x)
{
    const leat_pg_cloud *cloud = x->cloud;
    const char *user = leat_pg_quoted(x, x->conf->target.user);
    leat_step step = {.name = "replication",
                      .state = LEAT_STEP_FAILED,
                      .code = "postgres.privilege",
                      .advice = "run the statement as a superuser",
                      .sql = leat_arena_printf(x->a, "ALTER ROLE %s REPLICATION;", user),
                      .undo = leat_arena_printf(x->a, "ALTER ROLE %s NOREPLICATION;", user)};
    if (cloud)
        step.advice = leat_arena_printf(x->a, "run the statement as a member of %s", cloud->admins);
    if (cloud && cloud->giver) {
        step.detail = leat_arena_printf(x->a, "%s is no member of %s", user, cloud->giver);
        step.sql = leat_arena_printf(x->a, "GRANT %s TO %s;", cloud->giver, user);
        step.undo = leat_arena_printf(x->a, "REVOKE %s FROM %s;", cloud->giver, user);
    } else {
        step.detail = leat_arena_printf(x->a, "%s has not the attribute REPLICATION", user);
    }
    leat_check_step(x->c, &step);
}

bool leat_pg_cloud_replication(leat_pg_exam *x)
{
    const char *giver = x->cloud ? x->cloud->giver : NULL;
    PGresult *res =
        leat_pg_ask(x, "replication",
                    "SELECT rolreplication OR rolsuper, EXISTS (SELECT FROM pg_catalog.pg_roles g"
                    " WHERE g.rolname = $1 AND pg_catalog.pg_has_role(g.oid, 'MEMBER'))"
                    " FROM pg_catalog.pg_roles WHERE rolname = current_user",
                    1, (const char *const[]){giver});
    if (!res) return false;
    bool own = PQntuples(res) == 1 && leat_pg_cell_bool(res, 0, 0);
    bool given = PQntuples(res) == 1 && leat_pg_cell_bool(res, 0, 1);
    PQclear(res);
    const char *user = leat_pg_quoted(x, x->conf->target.user);
    if (!own && !given) {
        tell_missing(x);
        return false;
    }
    leat_pg_tell(x, "replication", LEAT_STEP_OK, NULL,
                 own ? leat_arena_printf(x->a, "%s may replicate", user)
                     : leat_arena_printf(x->a, "%s may replicate, by %s", user, giver),
                 NULL);
    return true;
}
