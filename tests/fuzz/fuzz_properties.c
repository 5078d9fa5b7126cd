/* Any bytes as a .properties file: read, and what was read holds no NUL and is valid UTF-8; written
 * back with every byte escaped that needs it, it reads the same. */
#include "fuzz.h"

#include <stdlib.h>

#include "config/load.h"

static void escape(leat_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n' || *text == '\r')
            leat_buf_str_z(out, *text == '\n' ? "\\n" : "\\r");
        else if (*text == '\t' || *text == '\f')
            leat_buf_str_z(out, *text == '\t' ? "\\t" : "\\f");
        else if (strchr(" =:#!\\", *text))
            leat_buf_printf(out, "\\%c", *text);
        else
            leat_buf_u8(out, (unsigned char)*text);
    }
}

static void check_again(leat_arena *a, const leat_props *props)
{
    leat_buf text = {0};
    leat_buf_str_z(&text, "#\n"); /* else a BOM in the first name would stand at the start */
    for (const leat_prop *p = props->first; p; p = p->next) {
        if (!leat_str_utf8(leat_str_of(p->name)) || !leat_str_utf8(leat_str_of(p->value))) abort();
        escape(&text, p->name);
        leat_buf_u8(&text, '=');
        escape(&text, p->value);
        leat_buf_u8(&text, '\n');
    }
    leat_props again;
    leat_props_init(&again, NULL);
    if (leat_props_read(a, leat_buf_str(&text), &again, NULL) != LEAT_OK) abort();
    const leat_prop *q = again.first;
    for (const leat_prop *p = props->first; p; p = p->next, q = q->next)
        if (q == NULL || strcmp(p->name, q->name) != 0 || strcmp(p->value, q->value) != 0) abort();
    if (q) abort();
    leat_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_props props;
    leat_props_init(&props, "fuzz");
    leat_err e;
    if (leat_props_read(&a, (leat_str){(const char *)data, size}, &props, &e) == LEAT_OK)
        check_again(&a, &props);
    leat_arena_free(&a);
    return 0;
}
