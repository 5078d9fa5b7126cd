/* URLs, JDBC's patterns and offsets as somebody may have written them. */
#include "fuzz.h"

#include "config/db_url.h"
#include "source/query/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a = {0};
    leat_err e;
    leat_db_url url;
    leat_query_offset offset, again;
    leat_buf out = {0};
    const leat_dialect *dialect;
    leat_str text = leat_arena_str(&a, (leat_str){(const char *)data, size});
    if (leat_db_url_read(text.s, &a, &url, &e) == LEAT_OK && (!url.path || !url.scheme))
        __builtin_trap();
    leat_dialect_find(text.s, NULL, &dialect, &e);
    leat_str name = leat_str_cut(&text, '\n');
    leat_dialect_like(name, text.s ? text.s : "");
    name = leat_str_trim((leat_str){(const char *)data, size});
    if (leat_query_offset_read(name, &offset, &e) == LEAT_OK) {
        leat_query_offset_write(&offset, &out);
        if (leat_query_offset_read(leat_buf_str(&out), &again, &e) != LEAT_OK) __builtin_trap();
        if (again.number != offset.number || again.moment_us != offset.moment_us) __builtin_trap();
    }
    leat_query_offset_text(name, &out);
    leat_buf_free(&out);
    leat_arena_free(&a);
    return 0;
}
