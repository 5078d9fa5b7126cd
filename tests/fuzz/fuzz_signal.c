/* Any bytes as a signal (an object of JSON), as the data of each type, and as the keys of
 * Debezium's offsets: what is read is whole, and what was written of it is read back. */
#include "fuzz.h"

#include <stdlib.h>

#include "capture/javakeys.h"
#include "capture/signal.h"

static void look(const leat_signal *s)
{
    bool hit;
    const char *filter;
    leat_err e;
    if (!s->id || !leat_signal_type_name(s->type)) abort();
    if (s->type == LEAT_SIGNAL_EXECUTE && s->ntables == 0) abort();
    if (s->type == LEAT_SIGNAL_LOG && !s->message) abort();
    for (size_t i = 0; i < s->ntables; i++) {
        leat_signal_table_hit(&s->tables[i], LEAT_STR("public.orders"), &hit, &e);
        if (leat_signal_table_hit(&s->tables[i], leat_str_of(s->tables[i].text), &hit, &e) || !hit)
            abort();
    }
    leat_signal_filter(s, LEAT_STR("public.orders"), &filter, &e);
}

static void keys(leat_arena *a, leat_str text)
{
    leat_java_key *v, *again;
    size_t n, m;
    leat_buf hex = {0};
    leat_buf_hex(&hex, text);
    if (leat_java_keys_read(a, leat_buf_str(&hex), &v, &n)) {
        leat_buf_clear(&hex);
        leat_java_keys_write(v, n, &hex);
        if (!leat_java_keys_read(a, leat_buf_str(&hex), &again, &m) || n != m) abort();
        for (size_t i = 0; i < n; i++)
            if (v[i].type != again[i].type || !leat_str_eq(v[i].text, again[i].text)) abort();
    }
    leat_buf_free(&hex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a = {0};
    leat_str text = {(const char *)data, size};
    const leat_signal *s;
    leat_err e;
    if (size > 65536) return 0;
    if (leat_signal_parse_object(&a, text, &s, &e) == LEAT_OK) look(s);
    for (int i = 0; i <= LEAT_SIGNAL_WINDOW_CLOSE; i++) {
        leat_str type = leat_str_of(leat_signal_type_name((leat_signal_type)i));
        if (leat_signal_parse(&a, LEAT_STR("x"), type, text, &s, &e) == LEAT_OK) look(s);
    }
    keys(&a, text);
    leat_arena_free(&a);
    return 0;
}
