/* Any bytes as a line on the control socket, with a handler that repeats what it was asked:
 * whatever comes, the answer is one line of JSON that says ok or tells an error. */
#include "fuzz.h"

#include <stdlib.h>

#include "engine/control.h"

static leat_rc repeat(void *arg, leat_str verb, const leat_json *request, leat_jw *reply,
                      leat_err *e)
{
    (void)arg;
    if (verb.len % 2 == 1)
        return leat_fail(e, LEAT_CONF, "control.verb", "verb", "\"%.*s\" is not understood",
                         LEAT_STR_ARG(verb));
    leat_jw_str(reply, "said", verb);
    leat_jw_str(reply, "level", leat_json_get_str(request, "level"));
    leat_jw_i64(reply, "number", leat_json_get_i64(request, "number", -1));
    const leat_json *offsets = leat_json_get(request, "offsets");
    if (offsets) {
        leat_buf text = {0};
        leat_json_write(offsets, &text);
        leat_jw_raw(reply, "offsets", leat_buf_str(&text));
        leat_buf_free(&text);
    }
    return LEAT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_buf out = {0};
    leat_arena a = {0};
    leat_str line = {(const char *)data, size};
    const leat_json *answer, *error;
    if (memchr(data, '\n', size) || size > 65536) return 0; /* those are no lines */
    leat_control_answer(repeat, NULL, line, &out);
    leat_str text = leat_buf_str(&out);
    if (text.len == 0 || memchr(text.s, '\n', text.len) != text.s + text.len - 1) abort();
    if (leat_json_parse(&a, text, &answer, NULL) != LEAT_OK) abort();
    if (!leat_json_get_bool(answer, "ok", false)) {
        error = leat_json_get(answer, "error");
        if (!leat_json_get_str(error, "code").len || !leat_json_get_str(error, "message").len)
            abort();
    }
    leat_buf_free(&out);
    leat_arena_free(&a);
    return 0;
}
