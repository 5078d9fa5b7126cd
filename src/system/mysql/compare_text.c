/* Statements of MySQL's side of `leat verify`: canonical texts as expressions, hashes and ranges.
 *
 * The texts are those that PostgreSQL's side makes of the same values (system/postgres/compare.c).
 * Texts of any character set are compared as UTF-8, ordered by their bytes. A date that is none
 * ("0000-00-00") is what a source makes of it: NULL, or the epoch where there is no room for a
 * NULL. Rows are not compared as (a, b) > (x, y): the optimizer makes no range of that. Pure. */
#include "system/mysql/compare.h"

/* The pieces with the expression x between them. */
static void put_around(leat_buf *out, leat_str x, const char *const *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0) leat_buf_add(out, x);
        leat_buf_str_z(out, pieces[i]);
    }
}
#define AROUND(out, x, ...)                                                                        \
    put_around(out, x, (const char *const[]){__VA_ARGS__},                                         \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static bool is_whole(const leat_compare_field *f)
{
    return f->kind == LEAT_COMPARE_INT || f->kind == LEAT_COMPARE_UINT;
}

/* What the server shows; without the zeros that ZEROFILL puts in front of whole numbers. */
static void put_shown(leat_buf *out, const leat_compare_field *f, leat_str x)
{
    if (is_whole(f))
        AROUND(out, x, "CONCAT(", "+0)");
    else if (f->kind == LEAT_COMPARE_BYTES)
        AROUND(out, x, "CONCAT('\\\\x',LOWER(HEX(", ")))");
    else if (f->kind == LEAT_COMPARE_TEXT || f->kind == LEAT_COMPARE_CHAR)
        AROUND(out, x, "CONVERT(CONCAT(", ") USING utf8mb4)");
    else
        AROUND(out, x, "CONCAT(", ")");
}

/* Sign, digits without zeros at either end, and the exponent of the last one. A FLOAT is shown with
 * six digits, an expression of it with all; but MySQL cuts those of expressions that are longer
 * than 22 characters, which none of a FLOAT is without its sign. */
static void put_real(leat_buf *out, const leat_compare_field *f, leat_str x)
{
    leat_buf shown = {0}, t = {0}, m = {0}, all = {0};
    AROUND(&shown, x, "CONCAT(", ")");
    leat_str is = leat_buf_str(&shown);
    if (f->kind == LEAT_COMPARE_SINGLE)
        AROUND(&t, x, "CONCAT(ABS(", ")*1e0)");
    else
        leat_buf_add(&t, is);
    AROUND(&m, leat_buf_str(&t), "SUBSTRING_INDEX(", ",'e',1)");
    AROUND(&all, leat_buf_str(&m), "REPLACE(REPLACE(", ",'.',''),'-','')");
    leat_str text = leat_buf_str(&t), digits = leat_buf_str(&all);
    AROUND(out, is, "CONCAT(IF(LEFT(", ",1)='-'");
    if (f->canon == LEAT_CANON_REAL0) AROUND(out, digits, " AND TRIM(BOTH '0' FROM ", ")<>''");
    AROUND(out, digits, ",'-',''),TRIM(BOTH '0' FROM ", ")");
    AROUND(out, text, ",'e',CAST(IF(LOCATE('e',", "),SUBSTRING_INDEX(", ",'e',-1),'0') AS SIGNED)");
    AROUND(out, leat_buf_str(&m), "-IF(LOCATE('.',", "),CHAR_LENGTH(SUBSTRING_INDEX(",
           ",'.',-1)),0)");
    AROUND(out, digits, "+CHAR_LENGTH(", ")-CHAR_LENGTH(TRIM(TRAILING '0' FROM ", ")))");
    leat_buf_free(&shown);
    leat_buf_free(&t);
    leat_buf_free(&m);
    leat_buf_free(&all);
}

/* A text without the zeros at the end of its fraction. */
static void put_cut(leat_buf *out, leat_str x)
{
    AROUND(out, x, "IF(LOCATE('.',", "),TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM ", ")),",
           ")");
}

/* Dates and times, in UTC, without a zone. */
static void put_moment(leat_buf *out, const leat_compare_field *f, leat_str x)
{
    leat_buf t = {0};
    bool text = f->kind == LEAT_COMPARE_TEXT || f->kind == LEAT_COMPARE_CHAR;
    put_shown(&t, f, x);
    leat_str shown = leat_buf_str(&t);
    if (text) {
        AROUND(out, shown, "IF(RIGHT(", ",6)='+00:00',LEFT(", ",CHAR_LENGTH(", ")-6),", ")");
    } else if (f->kind == LEAT_COMPARE_TIME) {
        put_cut(out, shown);
    } else {
        AROUND(out, x, "IF(DAYOFMONTH(", ")=0 OR LAST_DAY(", ") IS NULL,");
        if (!f->required)
            leat_buf_str_z(out, "NULL,");
        else
            leat_buf_str_z(out, f->kind == LEAT_COMPARE_DATE ? "'1970-01-01',"
                                                             : "'1970-01-01 00:00:00',");
        put_cut(out, shown);
        leat_buf_u8(out, ')');
    }
    leat_buf_free(&t);
}

/* Of "14 mons 3 days -04:05:06.5": months, days and microseconds. */
static void put_interval(leat_buf *out, leat_str x)
{
    leat_buf clock = {0};
    AROUND(&clock, x, "SUBSTRING_INDEX(", ",' ',-1)");
    leat_str c = leat_buf_str(&clock);
    AROUND(out, x, "CONCAT(SUBSTRING_INDEX(", ",' ',1),' ',SUBSTRING_INDEX(SUBSTRING_INDEX(",
           ",' ',3),' ',-1),' ',");
    AROUND(out, c, "CAST(IF(LEFT(", ",1)='-',-1,1)*((ABS(CAST(SUBSTRING_INDEX(",
           ",':',1) AS SIGNED))*60+CAST(SUBSTRING_INDEX(SUBSTRING_INDEX(",
           ",':',2),':',-1) AS SIGNED))*60000000+CAST(SUBSTRING_INDEX(",
           ",':',-1) AS DECIMAL(20,6))*1000000) AS SIGNED))");
    leat_buf_free(&clock);
}

/* With the blanks that MySQL writes. Of a text MySQL reads the numbers, too; MariaDB leaves them as
 * they are. */
static void put_json(leat_buf *out, leat_str x)
{
    AROUND(out, x, "CONVERT(IF(JSON_VALID(", "),CONCAT(JSON_EXTRACT(", ",'$')),",
           ") USING utf8mb4)");
}

void leat_my_compare_put(leat_buf *out, const leat_compare_field *f)
{
    leat_buf name = {0}, shown = {0};
    leat_my_put_name(&name, leat_str_of(f->name));
    leat_str x = leat_buf_str(&name);
    put_shown(&shown, f, x);
    leat_str t = leat_buf_str(&shown);
    switch ((leat_canon)f->canon) {
    case LEAT_CANON_BOOL:
        AROUND(out, x, "CASE ", "+0 WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE CONCAT(",
               "+0) END");
        break;
    case LEAT_CANON_NUMBER: put_cut(out, t); break;
    case LEAT_CANON_REAL:
    case LEAT_CANON_REAL0: put_real(out, f, x); break;
    case LEAT_CANON_TRIMMED: AROUND(out, t, "TRIM(TRAILING ' ' FROM ", ")"); break;
    case LEAT_CANON_MOMENT: put_moment(out, f, x); break;
    case LEAT_CANON_INTERVAL: put_interval(out, t); break;
    case LEAT_CANON_JSON: put_json(out, x); break;
    case LEAT_CANON_PARSED: put_json(out, t); break;
    case LEAT_CANON_SIGNED: AROUND(out, x, "CONCAT(CAST(", " AS SIGNED))"); break;
    case LEAT_CANON_BITS:
        if (f->kind == LEAT_COMPARE_BITS)
            AROUND(out, x, "TRIM(LEADING '0' FROM BIN(", "+0))");
        else
            AROUND(out, t, "TRIM(LEADING '0' FROM ", ")");
        break;
    default: leat_buf_add(out, t); break;
    }
    leat_buf_free(&name);
    leat_buf_free(&shown);
}

void leat_my_compare_put_hash(leat_buf *out, const leat_compare_plan *p)
{
    leat_buf x = {0};
    leat_buf_str_z(out, "LEFT(SHA2(CONCAT(");
    for (uint16_t i = 0; i < p->n; i++) {
        const leat_compare_field *f = &p->fields[i];
        leat_buf_clear(&x);
        leat_my_compare_put(&x, f);
        leat_buf_str_z(out, i > 0 ? ",IF(" : "IF(");
        if (f->canon == LEAT_CANON_MOMENT)
            leat_buf_add(out, leat_buf_str(&x));
        else /* not of the text: one that is too long is no NULL */
            leat_my_put_name(out, leat_str_of(f->name));
        AROUND(out, leat_buf_str(&x), " IS NULL,'N',CONCAT(LENGTH(", "),':',", "))");
    }
    leat_buf_str_z(out, "),256),32)");
    leat_buf_free(&x);
}

/* ---- keys and ranges ---- */

static void put_key(leat_buf *out, const leat_compare_field *f)
{
    if (f->native) {
        leat_my_put_name(out, leat_str_of(f->name));
        return;
    }
    leat_buf_str_z(out, "CAST(");
    leat_my_compare_put(out, f);
    leat_buf_str_z(out, " AS BINARY)");
}

void leat_my_compare_put_keys(leat_buf *out, const leat_compare_plan *p)
{
    for (uint16_t i = 0; i < p->nkey; i++) {
        if (i > 0) leat_buf_u8(out, ',');
        put_key(out, &p->fields[i]);
    }
}

static bool is_hex(leat_str text)
{
    if (text.len % 2 != 0) return false;
    for (size_t i = 0; i < text.len; i++)
        if (leat_hex_digit(text.s[i]) < 0) return false;
    return true;
}

static bool is_bits(leat_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.s[i] != '0' && text.s[i] != '1') return false;
    return text.len > 0;
}

static void put_literal(leat_buf *out, const leat_compare_field *f, leat_str text)
{
    if (f->native && leat_compare_is_number(text))
        leat_buf_add(out, text);
    else
        leat_my_put_text(out, text);
}

void leat_my_compare_put_value(leat_buf *out, const leat_compare_field *f, leat_str text)
{
    bool bytes = f->kind == LEAT_COMPARE_BYTES && leat_str_starts(text, "\\x");
    leat_str hex = bytes ? (leat_str){text.s + 2, text.len - 2} : (leat_str){0};
    if (bytes && is_hex(hex))
        AROUND(out, hex, "X'", "'");
    else if (f->canon == LEAT_CANON_BOOL)
        leat_buf_u8(out, leat_str_is(text, "true") ? '1' : '0');
    else if (f->kind == LEAT_COMPARE_BITS && is_bits(text))
        AROUND(out, text, "b'", "'");
    else if (f->canon == LEAT_CANON_SIGNED && leat_compare_is_number(text))
        AROUND(out, text, "CAST(", " AS UNSIGNED)");
    else
        leat_my_put_text(out, text);
}

/* " AND (a>=x AND (a>x OR (b>y)))", the first one for the index. */
static void put_bound(leat_buf *out, const leat_compare_plan *p, bool from, const leat_str *key)
{
    leat_buf_str_z(out, " AND (");
    for (uint16_t i = 0; i < p->nkey; i++) {
        bool last = i + 1 == p->nkey;
        put_key(out, &p->fields[i]);
        leat_buf_str_z(out, !last ? (from ? ">=" : "<=") : (from ? ">" : "<="));
        put_literal(out, &p->fields[i], key[i]);
        if (last) break;
        leat_buf_str_z(out, " AND (");
        put_key(out, &p->fields[i]);
        leat_buf_str_z(out, from ? ">" : "<");
        put_literal(out, &p->fields[i], key[i]);
        leat_buf_str_z(out, " OR (");
    }
    for (uint16_t i = 1; i < p->nkey; i++) leat_buf_str_z(out, "))");
    leat_buf_u8(out, ')');
}

void leat_my_compare_put_where(leat_buf *out, const leat_compare_plan *p,
                               const leat_compare_range *r)
{
    if (r->lo) put_bound(out, p, true, r->lo);
    if (r->hi) put_bound(out, p, false, r->hi);
    if (r->nkeys == 0) return;
    leat_buf_str_z(out, " AND (");
    leat_my_compare_put_keys(out, p);
    leat_buf_str_z(out, ") IN (");
    for (uint32_t i = 0; i < r->nkeys; i++) {
        leat_buf_str_z(out, i > 0 ? ",(" : "(");
        for (uint16_t k = 0; k < p->nkey; k++) {
            if (k > 0) leat_buf_u8(out, ',');
            put_literal(out, &p->fields[k], r->keys[(size_t)i * p->nkey + k]);
        }
        leat_buf_u8(out, ')');
    }
    leat_buf_u8(out, ')');
}

void leat_my_compare_put_from(leat_buf *out, const leat_compare_plan *p,
                              const leat_compare_range *r)
{
    leat_buf_str_z(out, " FROM ");
    if (p->table->schema)
        leat_my_put_table(out, leat_str_of(p->table->schema), leat_str_of(p->table->name));
    else
        leat_my_put_name(out, leat_str_of(p->table->name));
    leat_buf_str_z(out, " WHERE TRUE");
    leat_my_compare_put_where(out, p, r);
}
