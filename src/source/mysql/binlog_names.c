/* The names of events and of column types, for messages and tests. */
#include "source/mysql/binlog.h"

static const char *const mysql_names[] = {
    [LEAT_BINLOG_QUERY] = "query",
    [LEAT_BINLOG_STOP] = "stop",
    [LEAT_BINLOG_ROTATE] = "rotate",
    [LEAT_BINLOG_INTVAR] = "intvar",
    [LEAT_BINLOG_RAND] = "rand",
    [LEAT_BINLOG_USER_VAR] = "user_var",
    [LEAT_BINLOG_FORMAT_DESCRIPTION] = "format_description",
    [LEAT_BINLOG_XID] = "xid",
    [LEAT_BINLOG_BEGIN_LOAD_QUERY] = "begin_load_query",
    [LEAT_BINLOG_EXECUTE_LOAD_QUERY] = "execute_load_query",
    [LEAT_BINLOG_TABLE_MAP] = "table_map",
    [LEAT_BINLOG_WRITE_ROWS_V1] = "write_rows_v1",
    [LEAT_BINLOG_UPDATE_ROWS_V1] = "update_rows_v1",
    [LEAT_BINLOG_DELETE_ROWS_V1] = "delete_rows_v1",
    [LEAT_BINLOG_INCIDENT] = "incident",
    [LEAT_BINLOG_HEARTBEAT] = "heartbeat",
    [LEAT_BINLOG_ROWS_QUERY] = "rows_query",
    [LEAT_BINLOG_WRITE_ROWS] = "write_rows",
    [LEAT_BINLOG_UPDATE_ROWS] = "update_rows",
    [LEAT_BINLOG_DELETE_ROWS] = "delete_rows",
    [LEAT_BINLOG_GTID] = "gtid",
    [LEAT_BINLOG_ANONYMOUS_GTID] = "anonymous_gtid",
    [LEAT_BINLOG_PREVIOUS_GTIDS] = "previous_gtids",
    [LEAT_BINLOG_TRANSACTION_CONTEXT] = "transaction_context",
    [LEAT_BINLOG_VIEW_CHANGE] = "view_change",
    [LEAT_BINLOG_XA_PREPARE] = "xa_prepare",
    [LEAT_BINLOG_PARTIAL_UPDATE_ROWS] = "partial_update_rows",
    [LEAT_BINLOG_TRANSACTION_PAYLOAD] = "transaction_payload",
    [LEAT_BINLOG_HEARTBEAT_V2] = "heartbeat_v2",
    [LEAT_BINLOG_GTID_TAGGED] = "gtid_tagged",
};

static const char *const mariadb_names[] = {
    [LEAT_BINLOG_ANNOTATE_ROWS - LEAT_BINLOG_ANNOTATE_ROWS] = "annotate_rows",
    [LEAT_BINLOG_CHECKPOINT - LEAT_BINLOG_ANNOTATE_ROWS] = "binlog_checkpoint",
    [LEAT_BINLOG_MARIADB_GTID - LEAT_BINLOG_ANNOTATE_ROWS] = "mariadb_gtid",
    [LEAT_BINLOG_MARIADB_GTID_LIST - LEAT_BINLOG_ANNOTATE_ROWS] = "mariadb_gtid_list",
    [LEAT_BINLOG_START_ENCRYPTION - LEAT_BINLOG_ANNOTATE_ROWS] = "start_encryption",
    [LEAT_BINLOG_QUERY_COMPRESSED - LEAT_BINLOG_ANNOTATE_ROWS] = "query_compressed",
    [LEAT_BINLOG_WRITE_ROWS_COMPRESSED_V1 - LEAT_BINLOG_ANNOTATE_ROWS] = "write_rows_compressed_v1",
    [LEAT_BINLOG_UPDATE_ROWS_COMPRESSED_V1 - LEAT_BINLOG_ANNOTATE_ROWS] =
        "update_rows_compressed_v1",
    [LEAT_BINLOG_DELETE_ROWS_COMPRESSED_V1 - LEAT_BINLOG_ANNOTATE_ROWS] =
        "delete_rows_compressed_v1",
    [LEAT_BINLOG_WRITE_ROWS_COMPRESSED - LEAT_BINLOG_ANNOTATE_ROWS] = "write_rows_compressed",
    [LEAT_BINLOG_UPDATE_ROWS_COMPRESSED - LEAT_BINLOG_ANNOTATE_ROWS] = "update_rows_compressed",
    [LEAT_BINLOG_DELETE_ROWS_COMPRESSED - LEAT_BINLOG_ANNOTATE_ROWS] = "delete_rows_compressed",
};

static const char *name_at(const char *const *names, size_t n, size_t i)
{
    return i < n && names[i] ? names[i] : "unknown";
}

const char *leat_binlog_type_name(uint8_t type)
{
    if (type >= LEAT_BINLOG_ANNOTATE_ROWS)
        return name_at(mariadb_names, sizeof mariadb_names / sizeof *mariadb_names,
                       (size_t)type - LEAT_BINLOG_ANNOTATE_ROWS);
    return name_at(mysql_names, sizeof mysql_names / sizeof *mysql_names, type);
}

const char *leat_binlog_column_type_name(uint8_t type)
{
    switch ((leat_binlog_column_type)type) {
    case LEAT_MYSQL_DECIMAL: return "decimal of MySQL 4";
    case LEAT_MYSQL_TINY: return "tinyint";
    case LEAT_MYSQL_SHORT: return "smallint";
    case LEAT_MYSQL_LONG: return "int";
    case LEAT_MYSQL_FLOAT: return "float";
    case LEAT_MYSQL_DOUBLE: return "double";
    case LEAT_MYSQL_NULL: return "null";
    case LEAT_MYSQL_TIMESTAMP: return "timestamp, old form";
    case LEAT_MYSQL_LONGLONG: return "bigint";
    case LEAT_MYSQL_INT24: return "mediumint";
    case LEAT_MYSQL_DATE: return "date";
    case LEAT_MYSQL_TIME: return "time, old form";
    case LEAT_MYSQL_DATETIME: return "datetime, old form";
    case LEAT_MYSQL_YEAR: return "year";
    case LEAT_MYSQL_NEWDATE: return "date";
    case LEAT_MYSQL_VARCHAR: return "varchar";
    case LEAT_MYSQL_BIT: return "bit";
    case LEAT_MYSQL_TIMESTAMP2: return "timestamp";
    case LEAT_MYSQL_DATETIME2: return "datetime";
    case LEAT_MYSQL_TIME2: return "time";
    case LEAT_MARIADB_BLOB_COMPRESSED: return "compressed blob";
    case LEAT_MARIADB_VARCHAR_COMPRESSED: return "compressed varchar";
    case LEAT_MYSQL_VECTOR: return "vector";
    case LEAT_MYSQL_JSON: return "json";
    case LEAT_MYSQL_NEWDECIMAL: return "decimal";
    case LEAT_MYSQL_ENUM: return "enum";
    case LEAT_MYSQL_SET: return "set";
    case LEAT_MYSQL_TINY_BLOB: return "tinyblob";
    case LEAT_MYSQL_MEDIUM_BLOB: return "mediumblob";
    case LEAT_MYSQL_LONG_BLOB: return "longblob";
    case LEAT_MYSQL_BLOB: return "blob";
    case LEAT_MYSQL_VAR_STRING: return "varchar";
    case LEAT_MYSQL_STRING: return "char";
    case LEAT_MYSQL_GEOMETRY: return "geometry";
    }
    return "unknown";
}
