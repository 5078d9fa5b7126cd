/* Whether a description of a table is that of the rows in the log, and one made of the log alone.
 *
 * The catalogue tells of now, the log of then. What a TABLE_MAP has is compared, column by column:
 * the kind of type, decimals' digits, fractions of seconds, NULL, and with
 * binlog_row_metadata=FULL signs, names and labels too. Pure; any thread. */
#include "source/mysql/my.h"

/* Which wire types a type of the catalogue has. */
typedef struct kin {
    const char *base;
    uint8_t types[4];
} kin;

static const kin kins[] = {
    {"tinyint", {LEAT_MYSQL_TINY}},
    {"smallint", {LEAT_MYSQL_SHORT}},
    {"mediumint", {LEAT_MYSQL_INT24}},
    {"int", {LEAT_MYSQL_LONG}},
    {"bigint", {LEAT_MYSQL_LONGLONG}},
    {"decimal", {LEAT_MYSQL_NEWDECIMAL}},
    {"float", {LEAT_MYSQL_FLOAT}},
    {"double", {LEAT_MYSQL_DOUBLE}},
    {"bit", {LEAT_MYSQL_BIT}},
    {"year", {LEAT_MYSQL_YEAR}},
    {"date", {LEAT_MYSQL_DATE, LEAT_MYSQL_NEWDATE}},
    {"time", {LEAT_MYSQL_TIME, LEAT_MYSQL_TIME2}},
    {"datetime", {LEAT_MYSQL_DATETIME, LEAT_MYSQL_DATETIME2}},
    {"timestamp", {LEAT_MYSQL_TIMESTAMP, LEAT_MYSQL_TIMESTAMP2}},
    {"char", {LEAT_MYSQL_STRING}},
    {"binary", {LEAT_MYSQL_STRING}},
    {"varchar", {LEAT_MYSQL_VARCHAR, LEAT_MYSQL_VAR_STRING, LEAT_MARIADB_VARCHAR_COMPRESSED}},
    {"varbinary", {LEAT_MYSQL_VARCHAR, LEAT_MYSQL_VAR_STRING, LEAT_MARIADB_VARCHAR_COMPRESSED}},
    {"enum", {LEAT_MYSQL_ENUM, LEAT_MYSQL_STRING}},
    {"set", {LEAT_MYSQL_SET, LEAT_MYSQL_STRING}},
    {"json", {LEAT_MYSQL_JSON}},
    {"vector", {LEAT_MYSQL_VECTOR, LEAT_MYSQL_VARCHAR, LEAT_MYSQL_VAR_STRING}},
    {"uuid", {LEAT_MYSQL_STRING}},
    {"inet4", {LEAT_MYSQL_STRING}},
    {"inet6", {LEAT_MYSQL_STRING}},
};

static bool is_blob(uint8_t type)
{
    return (type >= LEAT_MYSQL_TINY_BLOB && type <= LEAT_MYSQL_BLOB) ||
           type == LEAT_MARIADB_BLOB_COMPRESSED;
}

static bool ends_with(const char *z, const char *end)
{
    size_t n = strlen(z), k = strlen(end);
    return n >= k && strcmp(z + n - k, end) == 0;
}

static bool type_fits(const leat_my_column *c, uint8_t type)
{
    for (size_t i = 0; i < sizeof kins / sizeof *kins; i++) {
        if (strcmp(kins[i].base, c->base) != 0) continue;
        for (size_t k = 0; k < sizeof kins[i].types; k++)
            if (kins[i].types[k] && kins[i].types[k] == type) return true;
        return false;
    }
    if (ends_with(c->base, "text") || ends_with(c->base, "blob")) return is_blob(type);
    return type == LEAT_MYSQL_GEOMETRY;
}

/* Digits: what the metadata says of them. */
static bool digits_fit(const leat_my_column *c, const leat_binlog_column *w)
{
    int32_t scale = c->scale < 0 ? 0 : c->scale, length = c->length < 0 ? 0 : c->length;
    switch (w->type) {
    case LEAT_MYSQL_NEWDECIMAL: return w->meta == ((length ? length : 10) | scale << 8);
    case LEAT_MYSQL_TIME2:
    case LEAT_MYSQL_DATETIME2:
    case LEAT_MYSQL_TIMESTAMP2: return w->meta == length;
    default: return true;
    }
}

static bool column_fits(const leat_my_column *c, const leat_binlog_column *w, uint8_t has)
{
    if (!type_fits(c, w->type) || c->nullable != w->nullable || !digits_fit(c, w)) return false;
    if (w->name.s && !leat_str_is(w->name, c->name)) return false;
    if (w->nlabels && w->nlabels != c->nlabels) return false;
    bool number = w->type == LEAT_MYSQL_TINY || w->type == LEAT_MYSQL_SHORT ||
                  w->type == LEAT_MYSQL_INT24 || w->type == LEAT_MYSQL_LONG ||
                  w->type == LEAT_MYSQL_LONGLONG;
    return !number || !(has & LEAT_BINLOG_HAS_SIGNS) || c->is_unsigned == w->is_unsigned;
}

bool leat_my_described(const leat_my_table *def, const leat_binlog_table *map)
{
    if (def->ncols != map->ncols) return false;
    for (uint32_t i = 0; i < map->ncols; i++)
        if (!column_fits(&def->cols[i], &map->cols[i], map->has)) return false;
    return true;
}

/* ---- from the log alone ---- */

static const char *blob_name(const leat_binlog_column *w, bool text)
{
    static const char *const texts[] = {"tinytext", "text", "mediumtext", "longtext"};
    static const char *const blobs[] = {"tinyblob", "blob", "mediumblob", "longblob"};
    unsigned i = w->meta >= 1 && w->meta <= 4 ? w->meta - 1u : 1;
    return text ? texts[i] : blobs[i];
}

static const char *shape_name(uint8_t geometry)
{
    static const char *const names[] = {
        "geometry",   "point",           "linestring",   "polygon",
        "multipoint", "multilinestring", "multipolygon", "geometrycollection"};
    return geometry < 8 ? names[geometry] : names[0];
}

/* The type as SQL has it, with what the metadata tells. */
static const char *type_of(const leat_binlog_column *w, const char *charset, leat_arena *a)
{
    bool text = charset && strcmp(charset, "binary") != 0;
    const char *sign = w->is_unsigned ? " unsigned" : "";
    unsigned low = w->meta & 0xffu, high = (unsigned)w->meta >> 8;
    switch (w->type) {
    case LEAT_MYSQL_TINY: return leat_arena_printf(a, "tinyint%s", sign);
    case LEAT_MYSQL_SHORT: return leat_arena_printf(a, "smallint%s", sign);
    case LEAT_MYSQL_INT24: return leat_arena_printf(a, "mediumint%s", sign);
    case LEAT_MYSQL_LONG: return leat_arena_printf(a, "int%s", sign);
    case LEAT_MYSQL_LONGLONG: return leat_arena_printf(a, "bigint%s", sign);
    case LEAT_MYSQL_FLOAT: return leat_arena_printf(a, "float%s", sign);
    case LEAT_MYSQL_DOUBLE: return leat_arena_printf(a, "double%s", sign);
    case LEAT_MYSQL_NEWDECIMAL: return leat_arena_printf(a, "decimal(%u,%u)%s", low, high, sign);
    case LEAT_MYSQL_BIT: return leat_arena_printf(a, "bit(%u)", high * 8 + low);
    case LEAT_MYSQL_YEAR: return "year";
    case LEAT_MYSQL_DATE:
    case LEAT_MYSQL_NEWDATE: return "date";
    case LEAT_MYSQL_TIME: return "time";
    case LEAT_MYSQL_DATETIME: return "datetime";
    case LEAT_MYSQL_TIMESTAMP: return "timestamp";
    case LEAT_MYSQL_TIME2: return low ? leat_arena_printf(a, "time(%u)", low) : "time";
    case LEAT_MYSQL_DATETIME2: return low ? leat_arena_printf(a, "datetime(%u)", low) : "datetime";
    case LEAT_MYSQL_TIMESTAMP2:
        return low ? leat_arena_printf(a, "timestamp(%u)", low) : "timestamp";
    case LEAT_MYSQL_JSON: return "json";
    case LEAT_MYSQL_VECTOR: return leat_arena_printf(a, "vector(%u)", w->dimension);
    case LEAT_MYSQL_GEOMETRY: return shape_name(w->geometry);
    case LEAT_MYSQL_ENUM: return "enum";
    case LEAT_MYSQL_SET: return "set";
    case LEAT_MYSQL_STRING: return leat_arena_printf(a, text ? "char(%u)" : "binary(%u)", w->meta);
    case LEAT_MYSQL_VARCHAR:
    case LEAT_MYSQL_VAR_STRING:
    case LEAT_MARIADB_VARCHAR_COMPRESSED:
        return leat_arena_printf(a, text ? "varchar(%u)" : "varbinary(%u)", w->meta);
    default: return blob_name(w, text);
    }
}

static void take_labels(leat_my_column *c, const leat_binlog_column *w, const leat_charset *cs,
                        leat_arena *a)
{
    leat_str *labels = LEAT_NEW(a, leat_str, w->nlabels);
    for (uint32_t i = 0; i < w->nlabels; i++) {
        leat_str text = w->labels[i];
        if (cs) leat_charset_utf8(cs, w->labels[i], a, &text, NULL);
        labels[i] = leat_arena_str(a, text);
    }
    c->labels = labels;
    c->nlabels = w->nlabels;
}

const leat_my_table *leat_my_describe_wire(const leat_binlog_table *map, leat_arena *a)
{
    if (!(map->has & LEAT_BINLOG_HAS_NAMES)) return NULL;
    leat_my_table *t = LEAT_NEW(a, leat_my_table, 1);
    leat_my_column *cols = LEAT_NEW(a, leat_my_column, map->ncols);
    for (uint32_t i = 0; i < map->ncols; i++) {
        const leat_binlog_column *w = &map->cols[i];
        const leat_charset *cs = w->collation ? leat_charset_of_collation(w->collation) : NULL;
        const char *charset = cs ? leat_charset_name(cs) : NULL;
        cols[i] = (leat_my_column){
            .name = leat_arena_str(a, w->name).s,
            .type = type_of(w, charset, a),
            .nullable = w->nullable,
            .charset = charset,
            .collation_id = w->collation,
            .comment = "",
        };
        leat_my_column_type(&cols[i], a);
        if (w->nlabels) take_labels(&cols[i], w, cs, a);
    }
    *t = (leat_my_table){
        .db = leat_arena_str(a, map->db).s,
        .name = leat_arena_str(a, map->name).s,
        .cols = cols,
        .ncols = (uint16_t)map->ncols,
        .comment = "",
        .create = "",
    };
    return t;
}
