/* Any bytes as a query, over a data folder that is empty: it answers with JSON or an error, in
 * bounded time and memory, and makes no file. */
#include "fuzz.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "sql/select.h"

enum { MS = 200, ROWS = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[] = "/tmp/leat-fuzz-select-XXXXXX";
    if (!mkdtemp(folder)) abort();
    leat_arena a = {0};
    leat_buf out = {0};
    leat_err e = {0};
    const leat_json *j = NULL;
    leat_str sql = leat_arena_str(&a, (leat_str){(const char *)data, size});
    const leat_select_conf conf = {.data = folder, .sql = sql, .max_rows = ROWS, .ms = MS};
    leat_rc rc = leat_select_run(&conf, &out, &e);
    if (rc == LEAT_OK) {
        if (leat_json_parse(&a, leat_buf_str(&out), &j, &e) != LEAT_OK) abort();
        if (leat_json_get(j, "columns") == NULL || leat_json_get(j, "rows") == NULL) abort();
    } else if (out.len > 0 || !*e.code || !*e.msg) {
        abort();
    }
    if (rmdir(folder) != 0) abort();
    leat_buf_free(&out);
    leat_arena_free(&a);
    return 0;
}
