/* The PostgreSQL source's own options: Debezium's names and defaults, in one table.
 *
 * Options that all capturing connectors share are in capture/conf.h. Every property of Debezium's
 * connector stands in one of the tables: supported, without effect here (accepted with a warning),
 * or missing (an error unless it says its default). Run by any thread. */
#include "source/postgres/conf.h"

#include <stdio.h>

#include "source/postgres/identity.h"
#include "source/postgres/params.h"

#define AT(field, type) LEAT_OPT_AT(leat_pg_conf, field, type)
#define TEXT(field) .type = LEAT_OPT_STR, .off = AT(field, const char *)
#define NUMBER(field) .type = LEAT_OPT_INT, .off = AT(field, int64_t)
#define TIME(field) .type = LEAT_OPT_MS, .off = AT(field, int64_t)
#define FLAG(field) .type = LEAT_OPT_BOOL, .off = AT(field, bool)
#define CHOICE(field, list) .type = LEAT_OPT_ENUM, .off = AT(field, int64_t), .choices = list
#define LIST(field) .type = LEAT_OPT_LIST, .off = AT(field, leat_opt_list)

#define CONNECTION .group = "Connection"
#define REPLICATION .group = "Replication"
#define SNAPSHOT .group = "Snapshot"
#define MAPPING .group = "Mapping"
#define OTHER .group = "Not needed here"
#define ABSENT .group = "Not there yet"

static const char *const plugins[] = {"pgoutput", "decoderbufs", NULL};
static const char *const autocreate[] = {"all_tables", "disabled", "filtered", "no_tables", NULL};
static const char *const mismatches[] = {"no_validation", "trust_offset", "trust_slot",
                                         "trust_greater_lsn", NULL};
static const char *const flushes[] = {"connector", "manual", "connector_and_driver", NULL};
static const char *const snapshots[] = {
    "initial",     "initial_only",        "no_data", "never",    "schema_only", "always",
    "when_needed", "configuration_based", "custom",  "recovery", NULL};
static const char *const toasts[] = {"placeholder", "reselect", "drop_field", NULL};
static const char *const hstores[] = {"json", "map", NULL};
static const char *const intervals[] = {"numeric", "string", NULL};

static const leat_opt connection[] = {
    {.name = "database.hostname",
     CONNECTION,
     TEXT(target.host),
     .flags = LEAT_OPT_REQUIRED,
     .label = "Host",
     .help =
         "Name or address of the server. With several, separated by commas, the first that "
         "answers and is what database.hosts.role wants is taken, at each connect: so a standby "
         "that took over is followed. Its slot is there if it is one with slot.failover, or was "
         "made by other means."},
    {.name = "database.hosts.role",
     CONNECTION,
     CHOICE(target.roles, leat_pg_roles),
     .def = "primary",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Which of several hosts",
     .help = "Of several names in database.hostname: primary takes the one that is not a standby; "
             "standby one that is; any the first that answers."},
    {.name = "database.port",
     CONNECTION,
     NUMBER(target.port),
     .def = "5432",
     .min = 1,
     .max = 65535,
     .label = "Port",
     .help = "Port of the server."},
    {.name = "database.user",
     CONNECTION,
     TEXT(target.user),
     .flags = LEAT_OPT_REQUIRED,
     .label = "User",
     .help = "User to log in as. It needs the attributes LOGIN and REPLICATION, SELECT on the "
             "captured tables and, unless publication.autocreate.mode is disabled, the right to "
             "make a publication. `leat check --sql` prints the statements."},
    {.name = "database.password",
     CONNECTION,
     TEXT(target.password),
     .flags = LEAT_OPT_SECRET,
     .label = "Password",
     .help = "Password of the user."},
    {.name = "database.password.command",
     CONNECTION,
     TEXT(target.password_command),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_CODE | LEAT_OPT_SECRET,
     .label = "Command for the password",
     .help =
         "Instead of a password: a command (run by `/bin/sh`) that prints it, at each connect; for "
         "tokens that expire, such as those of `aws rds generate-db-auth-token`, `gcloud sql "
         "generate-login-token` and `az account get-access-token`. It has connect.timeout.ms."},
    {.name = "database.password.file",
     CONNECTION,
     TEXT(target.password_file),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE | LEAT_OPT_SECRET,
     .label = "File with the password",
     .help = "Instead of a password: a file with it, which is read at each connect; for passwords "
             "that another program keeps new."},
    {.name = "database.dbname",
     CONNECTION,
     TEXT(target.dbname),
     .flags = LEAT_OPT_REQUIRED,
     .label = "Database",
     .help = "Database whose changes are read. One connector reads one."},
    {.name = "database.sslmode",
     CONNECTION,
     CHOICE(target.sslmode, leat_pg_sslmodes),
     .def = "prefer",
     .label = "TLS",
     .help = "disable and allow do without TLS (allow: unless the server insists); prefer uses it "
             "if the server can; require insists; verify-ca checks the server's certificate, and "
             "verify-full its name too. With database.sslrootcert set, require checks as verify-ca "
             "does. `leat check` shows what was agreed on."},
    {.name = "database.sslcert",
     CONNECTION,
     TEXT(target.sslcert),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE,
     .label = "Client certificate",
     .help = "File with this client's certificate (PEM)."},
    {.name = "database.sslkey",
     CONNECTION,
     TEXT(target.sslkey),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE,
     .label = "Client key",
     .help = "File with the key of the certificate, readable by leat's user alone (mode 600): PEM, "
             "with or without a password, or DER (a .pk8 file made for Debezium) without one. What "
             "Java reads and this does not: `openssl pkcs8 -inform DER` makes PEM of a .pk8 file "
             "with a password, `openssl pkcs12 -nodes` of a .p12 file."},
    {.name = "database.sslpassword",
     CONNECTION,
     TEXT(target.sslpassword),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_SECRET,
     .label = "Key's password",
     .help = "Password of the file with the key. It is never asked for on a terminal."},
    {.name = "database.sslrootcert",
     CONNECTION,
     TEXT(target.sslrootcert),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_FILE | LEAT_OPT_SYSTEM,
     .label = "Authorities",
     .help = "File (PEM) with the certificates of the authorities by which the server's is "
             "checked: for verify-ca and verify-full. system: those that this machine trusts."},
    {.name = "database.tcpKeepAlive",
     CONNECTION,
     FLAG(target.keepalive),
     .def = "true",
     .flags = LEAT_OPT_ADVANCED,
     .label = "TCP keep-alive",
     .help = "Notice a dead network (after a minute) when nothing is sent."},
    {.name = "database.initial.statements",
     CONNECTION,
     TEXT(target.initial),
     .flags = LEAT_OPT_ADVANCED,
     .label = "First statements",
     .help = "Statements that each ordinary session (not the replication session) begins with, "
             "separated by semicolons; a doubled semicolon stands for one inside a statement."},
    {.name = "database.query.timeout.ms",
     CONNECTION,
     TIME(target.query_ms),
     .def = "600000",
     .min = 0,
     .max = INT64_C(86400000),
     .flags = LEAT_OPT_ADVANCED,
     .label = "Statement time-out",
     .help = "Longest time that a statement on the catalog may take; 0: no limit. The rows of a "
             "snapshot have no limit."},
    {.name = "connect.timeout.ms",
     CONNECTION,
     TIME(target.connect_ms),
     .def = "30000",
     .min = 100,
     .max = 600000,
     .flags = LEAT_OPT_ADVANCED,
     .label = "Connect time-out",
     .help = "Longest time for connecting and logging in."},
    {.name = NULL},
};

static const leat_opt replication[] = {
    {.name = "plugin.name",
     REPLICATION,
     CHOICE(plugin, plugins),
     .def = "pgoutput",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Output plugin",
     .help = "pgoutput is part of every PostgreSQL from version 10 on, and is the one that leat "
             "reads. (Debezium's default, decoderbufs, is an extension of the server: where it "
             "was used set pgoutput and another slot.name.)"},
    {.name = "slot.name",
     REPLICATION,
     TEXT(slot),
     .def = "debezium",
     .label = "Replication slot",
     .flags = LEAT_OPT_FIXED,
     .help = "Slot that the changes are read through: lower-case letters, digits and underscores, "
             "at most 63. Made if it does not exist. It keeps the server's log until changes are "
             "durable here, so a connector that is given up needs its slot dropped by hand: "
             "`SELECT pg_drop_replication_slot(...)`."},
    {.name = "slot.drop.on.stop",
     REPLICATION,
     FLAG(drop_on_stop),
     .def = "false",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Drop the slot on stop",
     .help = "For trials only: when the connector is stopped on purpose, drop its slot. Changes "
             "made until the next start are then lost, and the next start says so."},
    {.name = "slot.max.retries",
     REPLICATION,
     NUMBER(slot_retries),
     .def = "6",
     .max = 1000000,
     .flags = LEAT_OPT_ADVANCED,
     .label = "Slot retries",
     .help = "How often slot.retry.delay.ms is waited for a slot that another process reads. It is "
             "taken as soon as it is free; past the last wait the start has failed, and is tried "
             "again as errors.max.retries says."},
    {.name = "slot.retry.delay.ms",
     REPLICATION,
     TIME(slot_delay_ms),
     .def = "10000",
     .max = 86400000,
     .flags = LEAT_OPT_ADVANCED,
     .label = "Slot retry delay",
     .help = "See slot.max.retries."},
    {.name = "slot.stream.params",
     REPLICATION,
     TEXT(params),
     .flags = LEAT_OPT_ADVANCED,
     .label = "Plugin parameters",
     .help =
         "Parameters for pgoutput, as name=value, separated by semicolons: origin=none leaves "
         "out what the server itself got by replication (PostgreSQL 16 or later), origin=any is "
         "the default; messages=false leaves out logical messages. Others are refused, since "
         "they would change the form of what is sent, or are of other plugins."},
    {.name = "slot.failover",
     REPLICATION,
     FLAG(failover),
     .def = "false",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Failover slot",
     .help = "Make the slot one that is synchronised to standbys (PostgreSQL 17 or later; older "
             "servers make an ordinary one, and a warning is logged)."},
    {.name = "publication.name",
     REPLICATION,
     LIST(publications),
     .def = "dbz_publication",
     .label = "Publication",
     .help =
         "Publication that says which tables the server sends; or several, separated by commas: "
         "then the server sends what any of them has, those that exist are left as they are, "
         "and those that do not are made as publication.autocreate.mode says."},
    {.name = "publication.autocreate.mode",
     REPLICATION,
     CHOICE(autocreate, autocreate),
     .def = "all_tables",
     .label = "Make the publication",
     .help = "If the publication does not exist: all_tables makes one for all tables (needs a "
             "superuser), filtered one for the captured tables (needs their owner), no_tables an "
             "empty one, disabled none. With filtered a single publication is also brought up to "
             "date: at each start, and within seconds when a table appears that is captured. What "
             "was committed in such a table before is not sent; a warning names it."},
    {.name = "publish.via.partition.root",
     REPLICATION,
     FLAG(via_root),
     .def = "false",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Partitions as one table",
     .help = "A publication that is made here sends changes of partitions as changes of the "
             "partitioned table."},
    {.name = "replica.identity.autoset.values",
     REPLICATION,
     LIST(identities),
     .flags = LEAT_OPT_ADVANCED,
     .label = "Set replica identities",
     .help = "Replica identities that captured tables are to have: schema.table:FULL and so on, "
             "separated by commas; the table is a regular expression, behind the colon stands "
             "DEFAULT, FULL, NOTHING or INDEX with its name. Set at each start where a table has "
             "another (needs its owner; waits five seconds for a lock)."},
    {.name = "offset.mismatch.strategy",
     REPLICATION,
     CHOICE(mismatch, mismatches),
     .def = "no_validation",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Slot ahead",
     .help = "What happens when the slot is ahead of the stored position, so that changes between "
             "the two will not be sent again: no_validation and trust_offset stop with an error "
             "that names the range; trust_slot and trust_greater_lsn go on at the slot, and a "
             "warning names the range. A slot that is behind is no trouble, and one that is gone "
             "always an error."},
    {.name = "lsn.flush.mode",
     REPLICATION,
     CHOICE(flush, flushes),
     .def = "connector",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Flush mode",
     .help = "connector, connector_and_driver: the slot moves when changes are durable here, and "
             "with the server's keepalives when there are none. manual: the slot is never moved, "
             "and the server keeps its log until somebody else moves it "
             "(pg_replication_slot_advance)."},
    {.name = "flush.lsn.source",
     REPLICATION,
     FLAG(flush_source),
     .def = "true",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Flush",
     .help = "Former name: false is lsn.flush.mode=manual."},
    {.name = "status.update.interval.ms",
     REPLICATION,
     TIME(status_ms),
     .def = "10000",
     .min = 100,
     .max = INT64_C(3600000),
     .flags = LEAT_OPT_ADVANCED,
     .label = "Status interval",
     .help = "Longest time between two status updates to the server. What has become durable is "
             "told sooner. Where it is more than a third of the server's wal_sender_timeout, that "
             "third is taken."},
    {.name = "xmin.fetch.interval.ms",
     REPLICATION,
     TIME(xmin_ms),
     .def = "0",
     .max = 86400000,
     .flags = LEAT_OPT_ADVANCED,
     .label = "xmin interval",
     .help = "How often the slot's catalog xmin is read to be shown in the source block; 0: "
             "never."},
    {.name = "message.prefix.include.list",
     REPLICATION,
     LIST(prefix_include),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_REGEX,
     .label = "Message prefixes",
     .help = "Regular expressions for prefixes of logical messages (pg_logical_emit_message) to "
             "be captured. Default: all."},
    {.name = "message.prefix.exclude.list",
     REPLICATION,
     LIST(prefix_exclude),
     .flags = LEAT_OPT_ADVANCED | LEAT_OPT_REGEX,
     .label = "Message prefixes left out",
     .help = "Regular expressions for prefixes of logical messages not to be captured."},
    {.name = NULL},
};

static const leat_opt mapping[] = {
    {.name = "snapshot.mode",
     SNAPSHOT,
     CHOICE(snapshot, snapshots),
     .def = "initial",
     .label = "Snapshot",
     .help = "initial reads all rows of the captured tables first and then the changes; "
             "initial_only stops after the rows; no_data (also called never and schema_only) reads "
             "only changes, from where the slot was made; always reads all rows at each start, and "
             "then the changes since the last one; when_needed is initial, and reads all rows "
             "again where the slot, or what it kept, is gone (other modes stop and say so); "
             "configuration_based does what snapshot.mode.configuration.based.* say. (custom is a "
             "Java class; recovery is of databases whose schemas Debezium keeps in a topic.)"},
    {.name = "hstore.handling.mode",
     MAPPING,
     CHOICE(hstore, hstores),
     .def = "json",
     .flags = LEAT_OPT_ADVANCED,
     .label = "hstore",
     .help = "json: a JSON text; map: a map of strings."},
    {.name = "interval.handling.mode",
     MAPPING,
     CHOICE(interval, intervals),
     .def = "numeric",
     .flags = LEAT_OPT_ADVANCED,
     .label = "interval",
     .help = "numeric: microseconds, a month being 30.4375 days; string: ISO 8601, exact."},
    {.name = "money.fraction.digits",
     MAPPING,
     NUMBER(money_digits),
     .def = "2",
     .min = 0,
     .max = 18,
     .flags = LEAT_OPT_ADVANCED,
     .label = "Digits of money",
     .help = "Digits behind the point of the type money; the server's lc_monetary decides how "
             "many there are."},
    {.name = "include.unknown.datatypes",
     MAPPING,
     FLAG(include_unknown),
     .def = "false",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Unknown types",
     .help = "Show columns of types without a mapping as bytes of their text; else they are left "
             "out."},
    {.name = "toast.mode",
     MAPPING,
     CHOICE(toast, toasts),
     .def = "placeholder",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Values not sent",
     .help =
         "The server does not send large values (TOAST) that an update left as they were, unless "
         "the table has REPLICA IDENTITY FULL. placeholder: unavailable.value.placeholder stands "
         "for them, as in Debezium. reselect: they are read from the table, a statement for each "
         "such change; the value is the present one, which may be newer than the change, and the "
         "placeholder where the row is gone. drop_field: the record does not have the field, and "
         "its schema neither."},
    {.name = "debezium.faults",
     MAPPING,
     FLAG(faults),
     .def = "true",
     .flags = LEAT_OPT_ADVANCED,
     .label = "Debezium's faults too",
     .help = "true: events are Debezium's also where it is wrong: arrays of arrays lose their "
             "content, a default ends at its first doubled quote, and a table that was dropped "
             "before its first change was read has no key. false: arrays are nested, defaults are "
             "whole, and the key is the replica identity."},
    {.name = NULL},
};

/* Debezium's, accepted: what they are about is done in another way, or not at all, here. */
#define NOTHING .flags = LEAT_OPT_NO_EFFECT | LEAT_OPT_ADVANCED, .type = LEAT_OPT_STR
static const leat_opt without_effect[] = {
    {.name = "schema.history.internal",
     OTHER,
     NOTHING,
     .label = "Schema history",
     .help = "PostgreSQL needs no history of schemas: the log describes each table."},
    {.name = "schema.history.internal.*",
     OTHER,
     .flags = LEAT_OPT_NO_EFFECT | LEAT_OPT_ADVANCED,
     .type = LEAT_OPT_MANY,
     .label = "Schema history",
     .help = "PostgreSQL needs no history of schemas: the log describes each table."},
    {.name = "lsn.flush.timeout.ms",
     OTHER,
     NOTHING,
     .def = "30000",
     .label = "Flush time-out",
     .help = "Status updates do not wait."},
    {.name = "lsn.flush.timeout.action",
     OTHER,
     NOTHING,
     .def = "fail",
     .label = "Flush time-out action",
     .help = "Status updates do not wait."},
    {.name = "schema.refresh.mode",
     OTHER,
     NOTHING,
     .def = "columns_diff",
     .label = "Schema refresh",
     .help = "Tables are read anew exactly when the server describes them anew."},
    {.name = "database.sslfactory",
     OTHER,
     NOTHING,
     .label = "TLS factory",
     .help = "A Java class. database.sslmode and database.sslrootcert say what is checked: for "
             "org.postgresql.ssl.NonValidatingFactory set sslmode to require and no sslrootcert; "
             "for a class that reads Java's trust store export its authorities to sslrootcert."},
    {.name = "snapshot.mode.configuration.based.snapshot.schema",
     OTHER,
     NOTHING,
     .def = "false",
     .label = "Snapshot of schemas",
     .help = "Tables are read from the catalog, always."},
    {.name = "snapshot.mode.configuration.based.snapshot.on.schema.error",
     OTHER,
     NOTHING,
     .def = "false",
     .label = "Snapshot of schemas after errors",
     .help = "Tables are read from the catalog, always."},
    {.name = "snapshot.isolation.mode",
     OTHER,
     NOTHING,
     .def = "serializable",
     .label = "Snapshot isolation",
     .help = "Rows are read in REPEATABLE READ, READ ONLY transactions: one for all tables with "
             "snapshot.streaming=after, else one for each part of a table."},
    {.name = "snapshot.locking.mode",
     OTHER,
     NOTHING,
     .def = "none",
     .label = "Snapshot locks",
     .help = "A snapshot takes no locks beyond those of reading."},
    {.name = NULL},
};

/* Debezium's that would change what happens, and are not there. */
#define NOT_YET .flags = LEAT_OPT_MISSING | LEAT_OPT_ADVANCED, .type = LEAT_OPT_STR
static const leat_opt missing[] = {
    {.name = "sourceinfo.struct.maker",
     ABSENT,
     NOT_YET,
     .def = "io.debezium.connector.postgresql.PostgresSourceInfoStructMaker",
     .label = "Source block",
     .help = "Names a Java class that makes the source block; here it is always Debezium's own."},
    {.name = "database.connection.factory.class",
     ABSENT,
     NOT_YET,
     .label = "Connection class",
     .help = "Names a Java class that makes connections. For passwords that expire set "
             "database.password.command or database.password.file."},
    {.name = NULL},
};

const leat_opt *const leat_pg_option_tables[] = {
    connection,
    replication,
    mapping,
    leat_capture_options,
    leat_capture_snapshot_options,
    leat_capture_schema_options,
    leat_capture_time_options,
    leat_capture_signal_options,
    without_effect,
    missing,
    NULL,
};

leat_pg_modes leat_pg_conf_modes(const leat_pg_conf *c)
{
    return (leat_pg_modes){
        .decimal = (uint8_t)c->capture.decimal,
        .time = (uint8_t)c->capture.time,
        .binary = (uint8_t)c->capture.binary,
        .hstore_map = c->hstore == 1,
        .interval_string = c->interval == 1,
        .include_unknown = c->include_unknown,
        .debezium_faults = c->faults,
        .money_digits = (uint8_t)c->money_digits,
    };
}

static void check_slot_name(const char *name, leat_report *r)
{
    size_t n = name ? strlen(name) : 0;
    if (n == 0 || n > 63 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
        leat_report_add(r, false, "slot.name", 0,
                        "must be 1 to 63 lower-case letters, digits and underscores, got \"%s\"",
                        name ? name : "");
}

static void check_publications(const leat_pg_conf *c, leat_report *r)
{
    if (c->publications.n == 0)
        leat_report_add(r, false, "publication.name", 0, "must name a publication");
    for (size_t i = 0; i < c->publications.n; i++)
        if (strlen(c->publications.v[i]) > 63)
            leat_report_add(r, false, "publication.name", 0,
                            "must be 63 bytes at most, got \"%s\": the server cuts longer names",
                            c->publications.v[i]);
}

static void check_password(const leat_pg_conf *c, leat_report *r)
{
    const leat_pg_target *t = &c->target;
    bool given = t->password && *t->password;
    if (given + (t->password_command != NULL) + (t->password_file != NULL) > 1)
        leat_report_add(r, false, "database.password", 0,
                        "excludes database.password.command and database.password.file, and these "
                        "each other: set one of the three");
}

static void check_heartbeat(const leat_pg_conf *c, leat_report *r)
{
    if (c->capture.heartbeat_query && c->capture.heartbeat_ms == 0)
        leat_report_add(r, true, "heartbeat.action.query", 0,
                        "is never run, for heartbeat.interval.ms is 0: set it to more");
}

static void check_snapshot(const leat_pg_conf *c, leat_report *r)
{
    if (c->snapshot == LEAT_PG_SNAPSHOT_CUSTOM)
        leat_report_add(r, false, "snapshot.mode", 0,
                        "custom names a Java class, which does not run here: take the mode that "
                        "does what it did (always, initial, initial_only, no_data, when_needed, or "
                        "configuration_based with its options)");
    if (c->snapshot == LEAT_PG_SNAPSHOT_RECOVERY)
        leat_report_add(r, false, "snapshot.mode", 0,
                        "recovery rebuilds a topic of schemas, which PostgreSQL's connector does "
                        "not have: take initial, or when_needed");
    if (leat_pg_based(c) && !c->capture.based_data && !c->capture.based_stream)
        leat_report_add(
            r, true, "snapshot.mode", 0,
            "configuration_based reads neither rows nor changes as long as neither of "
            "snapshot.mode.configuration.based.snapshot.data and .start.stream is true");
}

void leat_pg_conf_validate(const void *conf, leat_report *r)
{
    const leat_pg_conf *c = conf;
    leat_capture_validate(&c->capture, r);
    check_slot_name(c->slot, r);
    leat_pg_params_check(c->params, r);
    check_publications(c, r);
    check_password(c, r);
    check_heartbeat(c, r);
    check_snapshot(c, r);
    leat_pg_identities_check(&c->identities, r);
    if (c->plugin != 0)
        leat_report_add(r, false, "plugin.name", 0,
                        "decoderbufs is not read here: set plugin.name=pgoutput, and another "
                        "slot.name, for a slot belongs to its plugin");
    if (c->prefix_include.n && c->prefix_exclude.n)
        leat_report_add(r, false, "message.prefix.include.list", 0,
                        "excludes message.prefix.exclude.list: set one of the two");
}
