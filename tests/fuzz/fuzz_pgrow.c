/* Any bytes as a row of COPY, in both forms: cells, or refused; what was read of the binary form
 * never lies outside of it.
 *
 * The first byte picks the form, the next ones the columns (each a type, to 255), the rest is the
 * row. */
#include "fuzz.h"

#include <stdlib.h>

#include "source/postgres/pg.h"

enum { COLUMNS_MOST = 16 };

static const uint32_t oids[] = {16,   17,   18,   19,   20,   21,   23,   25,   26,   114,
                                142,  600,  700,  701,  790,  829,  869,  650,  774,  1000,
                                1005, 1007, 1009, 1016, 1021, 1022, 1042, 1043, 1082, 1083,
                                1114, 1115, 1182, 1183, 1184, 1186, 1231, 1266, 1560, 1562,
                                1700, 2950, 2951, 3802, 3904, 3906, 3908, 3910, 3912, 3926};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a = {0};
    leat_pg_types *types = leat_pg_types_new();
    leat_pg_modes modes = {.money_digits = 2, .include_unknown = true};
    leat_pg_col cols[COLUMNS_MOST];
    leat_field fields[COLUMNS_MOST];
    uint16_t field[COLUMNS_MOST], n = 0;
    size_t at = 1;
    for (; at < size && data[at] != 255 && n < COLUMNS_MOST; at++) {
        leat_pg_attr attr = {.table = "t",
                             .name = "c",
                             .type = oids[data[at] % (sizeof oids / sizeof *oids)],
                             .typmod = -1};
        if (leat_pg_plan(types, &modes, &attr, &a, &cols[n], NULL) != LEAT_OK) abort();
        if (!cols[n].schema) continue;
        fields[n] = (leat_field){"c", cols[n].schema};
        field[n] = n;
        n++;
    }
    if (at < size) at++;
    leat_origin *origin = leat_origin_new();
    leat_table *table = leat_table_new(origin);
    leat_schema *row = leat_schema_struct(&table->arena, true, "t", 0, n);
    row->fields = fields;
    table->row = row;
    table->topic = "t";
    leat_pg_rel rel = {.table = table, .cols = cols, .field = field, .nwire = n};
    leat_value cells[COLUMNS_MOST];
    leat_err e = {0};
    if (at <= size && n > 0) {
        leat_str bytes = {(const char *)data + at, size - at};
        leat_rc rc = leat_pg_row_cells(&rel, data[0] & 1, bytes, &a, cells, &e);
        if (rc != LEAT_OK && rc != LEAT_DATA && rc != LEAT_FATAL) abort();
        for (uint16_t i = 0; rc == LEAT_OK && i < n; i++) {
            leat_value copy = leat_value_copy(&a, &cells[i]);
            if (!leat_value_eq(&copy, &cells[i])) abort();
        }
    }
    leat_table_unpin(table);
    leat_origin_unpin(origin);
    leat_pg_types_free(types);
    leat_arena_free(&a);
    return 0;
}
