/* What an error of the server, or of the way there, means for us.
 *
 * A table of SQLSTATEs, most special first: a row matches when the state begins with its prefix and
 * the message contains its word (states such as 55000 stand for several troubles). What no row
 * knows is CONF: a person must look, for repeating a statement that the server refused for an
 * unknown reason seldom helps. Servers may speak another language; words are only used where
 * the state alone does not decide, and such rows are followed by one without a word.
 * Pure; run by any thread. */
#include "system/postgres/classify.h"

#define PASS_OVER                                                                                  \
    "To pass over the transaction, whose changes are then lost: stop the connector, SELECT "       \
    "pg_replication_slot_advance(slot, an LSN behind it), and start it with "                      \
    "offset.mismatch.strategy=trust_slot"
#define NO_UTF8                                                                                    \
    "The database holds a text or a name that its encoding (SHOW server_encoding) cannot turn "    \
    "into the UTF-8 that events are in; SQL_ASCII keeps whatever was written to it. Write it "     \
    "anew: rows by UPDATE, names by ALTER. A change that stands in the log already is sent as it " \
    "was. " PASS_OVER
#define TOO_LARGE                                                                                  \
    "A row of a captured table is larger than the 1 GB that a message of the server can have (as " \
    "text: a bytea is twice as long), and the server will never be able to send it. Take its "     \
    "column out of the publication for the future (a column list, PostgreSQL 15). " PASS_OVER

typedef struct rule {
    const char *state; /* prefix */
    const char *word;  /* in the message; NULL: any */
    leat_pg_verdict verdict;
} rule;

#define REMOVED                                                                                    \
    "Changes between the stored position and the server's oldest log are lost to this connector. " \
    "Drop the slot, delete the connector's position and take a new snapshot; to prevent it raise " \
    "max_slot_wal_keep_size, or watch the slot's lag"
#define REPLICATION                                                                                \
    "Run ALTER ROLE \"...\" REPLICATION for database.user (on Amazon RDS: GRANT rds_replication)"
#define UNTRUSTED                                                                                   \
    "The server does not accept the certificate in database.sslcert: it has expired, or is not of " \
    "an authority in the server's ssl_ca_file"
#define OTHER_KEY "database.sslkey is not the key of the certificate in database.sslcert"
#define PROTOCOLS                                                                                   \
    "The server and this machine's OpenSSL have no protocol or cipher in common: see the server's " \
    "ssl_min_protocol_version and ssl_ciphers"
#define OTHER_NAME                                                                                 \
    "The server does not take the certificate of database.sslcert for this user: its common name " \
    "(CN) must be database.user, or be mapped to it in pg_ident.conf"
#define WAL_LEVEL                                                                                  \
    "Run ALTER SYSTEM SET wal_level = 'logical' and restart the server (on a managed service set " \
    "its parameter, for example rds.logical_replication = 1)"

static const rule rules[] = {
    {"28P01", NULL, {LEAT_CONF, "postgres.auth", "Check database.user and database.password"}},
    {"28000",
     "valid client certificate",
     {LEAT_CONF, "postgres.tls",
      "The server wants a certificate of this client: set database.sslcert and database.sslkey (and "
      "a database.sslmode other than disable)"}},
    {"28000", "\"trust\" authentication failed", {LEAT_CONF, "postgres.tls", OTHER_NAME}},
    {"28000", "ertificate authentication failed", {LEAT_CONF, "postgres.tls", OTHER_NAME}},
    {"28000",
     "no encryption",
     {LEAT_CONF, "postgres.auth",
      "If pg_hba.conf lets this user in with TLS only (hostssl), set database.sslmode=require; else "
      "check database.user, and that a line of pg_hba.conf lets it in from this host"}},
    {"28000",
     "SSL off",
     {LEAT_CONF, "postgres.auth",
      "If pg_hba.conf lets this user in with TLS only (hostssl), set database.sslmode=require"}},
    {"28000",
     "SSL ",
     {LEAT_CONF, "postgres.auth",
      "If pg_hba.conf lets this user in without TLS only (hostnossl), set database.sslmode=disable; "
      "else check database.user, and that a line of pg_hba.conf lets it in from this host"}},
    {"28000",
     NULL,
     {LEAT_CONF, "postgres.auth",
      "Check database.user, and that pg_hba.conf has a line that lets this user in from this host "
      "(for replication connections the line's database is the database's name or \"all\")"}},
    {"3D000", NULL, {LEAT_CONF, "postgres.database_missing", "Check database.dbname"}},
    {"42501",
     "FOR ALL TABLES",
     {LEAT_CONF, "postgres.privilege",
      "Set publication.autocreate.mode=filtered (the user must own the tables), or have a superuser "
      "make the publication"}},
    {"42501", "WAL sender", {LEAT_CONF, "postgres.privilege", REPLICATION}},
    {"42501", "replication", {LEAT_CONF, "postgres.privilege", REPLICATION}},
    {"42501",
     NULL,
     {LEAT_CONF, "postgres.privilege",
      "Grant what the message names to database.user; `leat check --sql` prints the statements"}},
    {"55006",
     NULL,
     {LEAT_RETRY, "postgres.slot_in_use",
      "Another process reads this slot: stop it, or give each connector a slot.name of its own"}},
    {"53400",
     "slot",
     {LEAT_CONF, "postgres.too_many_slots",
      "Drop a slot that nobody needs (see pg_replication_slots) or raise max_replication_slots"}},
    {"53300",
     "wal_senders",
     {LEAT_RETRY, "postgres.too_many_senders",
      "Raise max_wal_senders, or stop a replication client that is not needed"}},
    {"53300",
     NULL,
     {LEAT_RETRY, "postgres.too_many_connections",
      "Raise max_connections or the role's CONNECTION LIMIT, or close other clients"}},
    {"53", NULL, {LEAT_RETRY, "postgres.resources", "The server is short of a resource"}},
    {"57014",
     NULL,
     {LEAT_RETRY, "postgres.cancelled", "It took too long or was cancelled by a person"}},
    {"57P03", NULL, {LEAT_RETRY, "postgres.starting", NULL}},
    {"57P", NULL, {LEAT_RETRY, "postgres.closed", NULL}},
    {"08", NULL, {LEAT_RETRY, "postgres.connect", NULL}},
    {"40", NULL, {LEAT_RETRY, "postgres.conflict", NULL}},
    {"55P03", NULL, {LEAT_RETRY, "postgres.locked", "Another session holds a lock on it"}},
    {"55000", "wal_level", {LEAT_CONF, "postgres.wal_level", WAL_LEVEL}},
    {"55000", "invalidated", {LEAT_CONF, "postgres.wal_removed", REMOVED}},
    {"55000", "can no longer", {LEAT_CONF, "postgres.wal_removed", REMOVED}},
    {"58P01", "WAL", {LEAT_CONF, "postgres.wal_removed", REMOVED}},
    {"58P01",
     "plugin",
     {LEAT_CONF, "postgres.plugin",
      "The server lacks the output plugin pgoutput: PostgreSQL 10 or later has it"}},
    {"58", NULL, {LEAT_RETRY, "postgres.system", "The server's system failed: see its log"}},
    {"42704",
     "publication",
     {LEAT_CONF, "postgres.publication_missing",
      "Create the publication, or set publication.autocreate.mode to filtered or all_tables. A "
      "publication must have existed when the change was made: if it was dropped meanwhile, create "
      "it again, drop the slot and take a new snapshot"}},
    {"42704", "slot", {LEAT_CONF, "postgres.slot_missing", "The slot was dropped on the server"}},
    {"42P01",
     NULL,
     {LEAT_RETRY, "postgres.table_missing", "The table was dropped or renamed meanwhile"}},
    {"42703",
     NULL,
     {LEAT_CONF, "postgres.column_missing", "A column was dropped or renamed, or never was there"}},
    {"22021", NULL, {LEAT_CONF, "postgres.encoding", NO_UTF8}},
    {"22P05", NULL, {LEAT_CONF, "postgres.encoding", NO_UTF8}},
    {"54000", NULL, {LEAT_CONF, "postgres.row_too_large", TOO_LARGE}},
    {"0A000", NULL, {LEAT_CONF, "postgres.unsupported", NULL}},
    {"XX001", NULL, {LEAT_FATAL, "postgres.corrupted", "The server's data is damaged"}},
    {"XX002", NULL, {LEAT_FATAL, "postgres.corrupted", "The server's index is damaged: REINDEX"}},
    {"XX000",
     "invalid memory alloc request size",
     {LEAT_CONF, "postgres.row_too_large", TOO_LARGE}},
    {"XX", NULL, {LEAT_RETRY, "postgres.internal", "The server failed: see its log"}},
};

static bool contains(leat_str s, const char *word)
{
    return s.len && memmem(s.s, s.len, word, strlen(word)) != NULL;
}

leat_pg_verdict leat_pg_classify(leat_str sqlstate, leat_str message)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const rule *r = &rules[i];
        if (!leat_str_starts(sqlstate, r->state)) continue;
        if (r->word && !contains(message, r->word)) continue;
        return r->verdict;
    }
    return (leat_pg_verdict){LEAT_CONF, "postgres.refused", NULL};
}

/* Words of libpq, where no server has spoken. */
static const struct {
    const char *word;
    leat_pg_verdict verdict;
} words[] = {
    {"server is in hot standby mode",
     {LEAT_RETRY, "postgres.no_primary",
      "None of the hosts in database.hostname is a primary that answers: if a standby is to take "
      "over, it is waited for; to read one, set database.hosts.role"}},
    {"server is not in hot standby mode",
     {LEAT_RETRY, "postgres.no_standby",
      "None of the hosts in database.hostname is a standby that answers, and "
      "database.hosts.role wants one"}},
    {"could not translate host name",
     {LEAT_RETRY, "postgres.resolve", "Check database.hostname and this machine's DNS"}},
    {"onnection refused",
     {LEAT_RETRY, "postgres.connect",
      "Check database.hostname and database.port, that the server runs, and its "
      "listen_addresses"}},
    {"does not support SSL",
     {LEAT_CONF, "postgres.tls",
      "Switch TLS on at the server (ssl = on), or set database.sslmode to prefer or disable"}},
    {"certificate verify failed",
     {LEAT_CONF, "postgres.tls",
      "Set database.sslrootcert to the authority that signed the server's certificate"}},
    {"does not match host name",
     {LEAT_CONF, "postgres.tls",
      "Set database.hostname to a name that the server's certificate was made for, or "
      "database.sslmode=verify-ca"}},
    {"root certificate file",
     {LEAT_CONF, "postgres.tls",
      "Set database.sslrootcert to a file (PEM) with the certificate of the authority that "
      "signed the server's, or database.sslmode=require to go without verifying it"}},
    {"certificate present, but not private key",
     {LEAT_CONF, "postgres.tls",
      "Set database.sslkey to the file with the key of database.sslcert"}},
    {"does not match private key", {LEAT_CONF, "postgres.tls", OTHER_KEY}},
    {"key values mismatch", {LEAT_CONF, "postgres.tls", OTHER_KEY}},
    {"key type mismatch", {LEAT_CONF, "postgres.tls", OTHER_KEY}},
    {"ould not load private key",
     {LEAT_CONF, "postgres.tls",
      "Check database.sslkey (PEM, or PKCS #8 in DER without a password; make one of others by "
      "openssl pkcs8 or openssl pkcs12) and, if the key has a password, database.sslpassword"}},
    {"private key file",
     {LEAT_CONF, "postgres.tls",
      "The file that database.sslkey names must be readable by leat's user alone (chmod 600)"}},
    {"certificate file",
     {LEAT_CONF, "postgres.tls",
      "Check that database.sslcert names a file (PEM) with this client's certificate"}},
    {"alert unknown ca", {LEAT_CONF, "postgres.tls", UNTRUSTED}},
    {"alert certificate", {LEAT_CONF, "postgres.tls", UNTRUSTED}},
    {"alert bad certificate", {LEAT_CONF, "postgres.tls", UNTRUSTED}},
    {"alert protocol version", {LEAT_CONF, "postgres.tls", PROTOCOLS}},
    {"unsupported protocol", {LEAT_CONF, "postgres.tls", PROTOCOLS}},
    {"alert handshake failure", {LEAT_CONF, "postgres.tls", PROTOCOLS}},
    {"no password supplied",
     {LEAT_CONF, "postgres.auth", "The server wants a password: set database.password"}},
    {"invalid sslmode", {LEAT_CONF, "postgres.tls", "Check database.sslmode"}},
};

leat_pg_verdict leat_pg_classify_network(leat_str message)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (contains(message, words[i].word)) return words[i].verdict;
    return (leat_pg_verdict){LEAT_RETRY, "postgres.connect", NULL};
}
