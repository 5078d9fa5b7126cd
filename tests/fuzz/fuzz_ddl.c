/* source/mysql/ddl: any bytes are a statement; what is said of them is whole. The first byte:
 * flags. */
#include "fuzz.h"

#include <stdlib.h>

#include "source/mysql/ddl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a = {0};
    leat_ddl d;
    if (size == 0) return 0;
    leat_str sql = {(const char *)data + 1, size - 1};
    leat_ddl_read(sql, LEAT_STR("db"), data[0] & 7, data[0] & 8 ? 80036 : 0, &a, &d);
    if (d.kind > LEAT_DDL_CHANGES_ROWS || !d.database.s) abort();
    if (d.kind >= LEAT_DDL_CREATE_TABLE && d.kind <= LEAT_DDL_TRUNCATE_TABLE && d.ntables == 0)
        abort();
    size_t sum = 0;
    for (uint32_t i = 0; i < d.ntables; i++) {
        if (!d.tables[i].db.s || !d.tables[i].name.s) abort();
        sum += d.tables[i].name.len + d.tables[i].new_name.len;
    }
    if (sum > size) abort();
    if (a.held > (1 << 16) + 256 * size) abort();
    leat_arena_free(&a);
    return 0;
}
