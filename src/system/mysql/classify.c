/* What an error of the server, or of the way there, means for us.
 *
 * A table of error numbers: a row matches when the number is its own and the message contains its
 * word (1236 stands for all troubles of a dump). What no row knows is CONF: a person must look, for
 * repeating a statement that the server refused for an unknown reason seldom helps. Servers may
 * speak another language (lc_messages); words are only used where the number alone does not decide,
 * and such rows are followed by one without a word. Pure; run by any thread. */
#include "system/mysql/classify.h"

#define PURGED                                                                                     \
    "Changes between the stored position and the server's oldest binary log are lost to this "     \
    "connector. Where another server has them (a replica with log_replica_updates and the same "   \
    "GTIDs), name that one as database.hostname; else delete the connector's offsets (`leat "      \
    "offsets NAME reset`), and fill the targets' gap anew. To prevent it raise "                   \
    "binlog_expire_logs_seconds (MariaDB and old servers: expire_logs_days)"
#define TAKEN                                                                                      \
    "Another client reads the binary log with the same server id, and the server ends the older "  \
    "session for the newer one: give each connector and each replica a database.server.id of its " \
    "own (SHOW REPLICAS and SHOW PROCESSLIST name the other)"
#define NETWORK "Check database.hostname and database.port, and that the server runs"
#define GRANTS                                                                                     \
    "Grant what the message names to database.user; `leat check --sql` prints the statements"
#define AHEAD                                                                                      \
    "The stored position is not one of this server's binary log: it was restored from a backup, "  \
    "had RESET MASTER, or is another server. Point database.hostname at the server that the "      \
    "position is of, or delete the connector's offsets (`leat offsets NAME reset`)"

typedef struct rule {
    unsigned number;
    const char *word; /* in the message; NULL: any */
    leat_my_verdict verdict;
} rule;

static const rule rules[] = {
    {1045, NULL, {LEAT_CONF, "mysql.auth", "Check database.user and database.password"}},
    {1698, NULL, {LEAT_CONF, "mysql.auth", "Check database.user and database.password"}},
    {1044, NULL, {LEAT_CONF, "mysql.privilege", GRANTS}},
    {1142, NULL, {LEAT_CONF, "mysql.privilege", GRANTS}},
    {1143, NULL, {LEAT_CONF, "mysql.privilege", GRANTS}},
    {1227, NULL, {LEAT_CONF, "mysql.privilege", GRANTS}},
    {1370, NULL, {LEAT_CONF, "mysql.privilege", GRANTS}},
    {1130,
     NULL,
     {LEAT_CONF, "mysql.auth",
      "The server has no account for database.user from this host: CREATE USER with '%' or this "
      "host's address behind the @"}},
    {1129, NULL, {LEAT_RETRY, "mysql.blocked", "Run FLUSH HOSTS on the server"}},
    {1862,
     NULL,
     {LEAT_CONF, "mysql.auth", "The password has expired: ALTER USER ... IDENTIFIED BY ..."}},
    {3118, NULL, {LEAT_CONF, "mysql.auth", "The account is locked: ALTER USER ... ACCOUNT UNLOCK"}},
    {3159,
     NULL,
     {LEAT_CONF, "mysql.tls",
      "The server takes encrypted connections only: set "
      "database.ssl.mode to required or more"}},
    {1049, NULL, {LEAT_CONF, "mysql.database_missing", NULL}},
    {1146, NULL, {LEAT_CONF, "mysql.table_missing", NULL}},
    {1040, NULL, {LEAT_RETRY, "mysql.too_many_connections", "Raise max_connections"}},
    {1203, NULL, {LEAT_RETRY, "mysql.too_many_connections", "Raise max_user_connections"}},
    {1226, NULL, {LEAT_RETRY, "mysql.too_many_connections", "Raise the account's limits"}},
    {1053, NULL, {LEAT_RETRY, "mysql.closed", NULL}},
    {1077, NULL, {LEAT_RETRY, "mysql.closed", NULL}},
    {1152, NULL, {LEAT_RETRY, "mysql.closed", NULL}},
    {1927, NULL, {LEAT_RETRY, "mysql.closed", "A person or a time-out ended the session"}},
    {1317, NULL, {LEAT_RETRY, "mysql.cancelled", NULL}},
    {3024, NULL, {LEAT_RETRY, "mysql.timeout", "Raise database.query.timeout.ms"}},
    {1205, NULL, {LEAT_RETRY, "mysql.locked", "Another session holds a lock on it"}},
    {1213, NULL, {LEAT_RETRY, "mysql.conflict", NULL}},
    {1412,
     NULL,
     {LEAT_RETRY, "mysql.table_changed",
      "The table was altered or emptied (TRUNCATE) after the moment that rows are read of; with "
      "snapshot.streaming=beside that does not matter"}},
    {1021, NULL, {LEAT_RETRY, "mysql.resources", "The server is short of a resource"}},
    {1037, NULL, {LEAT_RETRY, "mysql.resources", "The server is short of a resource"}},
    {1041, NULL, {LEAT_RETRY, "mysql.resources", "The server is short of a resource"}},
    {1153,
     NULL,
     {LEAT_CONF, "mysql.packet", "Raise max_allowed_packet on the server, to 1 GB at most"}},
    {1158, NULL, {LEAT_RETRY, "mysql.connect", NULL}},
    {1159, NULL, {LEAT_RETRY, "mysql.connect", NULL}},
    {1160, NULL, {LEAT_RETRY, "mysql.connect", NULL}},
    {1161, NULL, {LEAT_RETRY, "mysql.connect", NULL}},
    {1236, "has purged", {LEAT_CONF, "mysql.binlog_purged", PURGED}},
    {1236, "purged binary logs", {LEAT_CONF, "mysql.binlog_purged", PURGED}},
    {1236, "Could not find first log file", {LEAT_CONF, "mysql.binlog_purged", PURGED}},
    {1236, "Could not find GTID state", {LEAT_CONF, "mysql.binlog_purged", PURGED}},
    {1236, "not in the master's binlog", {LEAT_CONF, "mysql.other_server", AHEAD}},
    {1236, "has more GTIDs", {LEAT_CONF, "mysql.other_server", AHEAD}},
    {1236, "impossible position", {LEAT_CONF, "mysql.other_server", AHEAD}},
    {1236, "same server_uuid/server_id", {LEAT_RETRY, "mysql.server_id_taken", TAKEN}},
    {1236, "same server_id", {LEAT_RETRY, "mysql.server_id_taken", TAKEN}},
    {1236, "same UUID", {LEAT_RETRY, "mysql.server_id_taken", TAKEN}},
    {1236,
     "max_allowed_packet",
     {LEAT_CONF, "mysql.packet", "Raise max_allowed_packet on the server, to 1 GB at most"}},
    {1236,
     "Binary log is not open",
     {LEAT_CONF, "mysql.log_bin", "The server writes no binary log: start it with log_bin"}},
    {1236, NULL, {LEAT_CONF, "mysql.binlog", NULL}},
    {4052, NULL, {LEAT_RETRY, "mysql.server_id_taken", TAKEN}}, /* MariaDB's */
    {2005, NULL, {LEAT_RETRY, "mysql.resolve", "Check database.hostname and this machine's DNS"}},
    {2001, NULL, {LEAT_RETRY, "mysql.connect", NETWORK}},
    {2002, NULL, {LEAT_RETRY, "mysql.connect", NETWORK}},
    {2003, NULL, {LEAT_RETRY, "mysql.connect", NETWORK}},
    {2004, NULL, {LEAT_RETRY, "mysql.connect", NETWORK}},
    {2006, NULL, {LEAT_RETRY, "mysql.closed", NULL}},
    {2012, NULL, {LEAT_RETRY, "mysql.connect", NULL}},
    {2013, NULL, {LEAT_RETRY, "mysql.closed", NULL}},
    {2055, NULL, {LEAT_RETRY, "mysql.closed", NULL}},
    {5014, NULL, {LEAT_RETRY, "mysql.connect", NULL}},
    {2007,
     NULL,
     {LEAT_CONF, "mysql.version",
      "What answers at database.hostname is no MySQL or MariaDB, or a "
      "very old one"}},
    {2026, "unexpected eof", {LEAT_RETRY, "mysql.closed", NULL}},
    {2026, "reset by peer", {LEAT_RETRY, "mysql.closed", NULL}},
    {2026,
     NULL,
     {LEAT_CONF, "mysql.tls",
      "See database.ssl.mode, database.ssl.ca and the server's certificate; with database.ssl.mode="
      "disabled the connection is not encrypted"}},
    {2049,
     NULL,
     {LEAT_CONF, "mysql.auth_plugin", "The account has a password of before MySQL 4.1"}},
    {2059,
     NULL,
     {LEAT_CONF, "mysql.auth_plugin",
      "The client library lacks what the account is authenticated by: give it "
      "caching_sha2_password, mysql_native_password or (MariaDB) ed25519"}},
    {2061,
     NULL,
     {LEAT_CONF, "mysql.auth_plugin",
      "caching_sha2_password wants an encrypted connection the first time: set database.ssl.mode to "
      "preferred or more"}},
};

leat_my_verdict leat_my_classify(unsigned number, leat_str message)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const rule *r = &rules[i];
        if (r->number != number) continue;
        if (!r->word || (message.len && memmem(message.s, message.len, r->word, strlen(r->word))))
            return r->verdict;
    }
    bool client = (number >= 2000 && number < 3000) || (number >= 5000 && number < 6000);
    if (client) return (leat_my_verdict){LEAT_RETRY, "mysql.client", NULL};
    return (leat_my_verdict){LEAT_CONF, "mysql.server", NULL};
}
