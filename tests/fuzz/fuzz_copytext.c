/* Any bytes as a row of COPY in text form, and as an offset of PostgreSQL's: columns end where the
 * row does and are not longer than what stood there; an offset that is understood is written and
 * read back as it was. */
#include "fuzz.h"

#include <stdlib.h>

#include "capture/naming.h"
#include "source/postgres/copytext.h"
#include "source/postgres/position.h"

static void columns(leat_str text)
{
    leat_buf row = {0};
    leat_buf_add(&row, text);
    leat_buf_u8(&row, 0);
    char *rest = row.p, *end = row.p + text.len;
    size_t total = 0, n = 0;
    for (leat_str out; rest; n++) {
        if (!leat_pg_copy_column(&rest, end, &out)) break;
        if (out.s && (out.s < row.p || out.s + out.len > end)) abort();
        total += out.len;
    }
    if (n > text.len + 1 || total > text.len) abort();
    leat_buf_free(&row);
}

static void offset(leat_str text)
{
    leat_pg_position at, again;
    leat_buf partition = {0}, out = {0};
    leat_naming_partition("shop", &partition);
    leat_position pos = {leat_buf_str(&partition), text};
    leat_pg_position_lsn(text);
    if (leat_pg_position_find("shop", &pos, 1, &at, NULL) == LEAT_OK && at.lsn != 0) {
        leat_pg_position_write(&at, &out);
        pos.offset = leat_buf_str(&out);
        if (leat_pg_position_find("shop", &pos, 1, &again, NULL) != LEAT_OK) abort();
        if (again.lsn != at.lsn || leat_pg_position_lsn(pos.offset) != at.lsn) abort();
    }
    leat_buf_free(&partition);
    leat_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_str text = {(const char *)data, size};
    columns(text);
    offset(text);
    return 0;
}
