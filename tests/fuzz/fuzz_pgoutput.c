/* source/postgres/pgoutput and walframe: any bytes are a message, a frame or refused; what was
 * decoded lies inside the bytes. */
#include "fuzz.h"

#include <stdlib.h>

#include "source/postgres/pgoutput.h"
#include "source/postgres/walframe.h"

static leat_str all;

static void inside(leat_str s)
{
    if (s.s == NULL) return;
    if (leat_str_is(s, "pg_catalog") && (s.s < all.s || s.s > all.s + all.len)) return;
    if (s.s < all.s || s.len > all.len || s.s + s.len > all.s + all.len) abort();
}

static void tuple(const leat_pgoutput_tuple *t)
{
    for (uint16_t i = 0; i < t->n; i++) {
        bool data = t->cells[i].kind == 't' || t->cells[i].kind == 'b';
        if (data != (t->cells[i].data.s != NULL)) abort();
        inside(t->cells[i].data);
    }
}

static void message(const leat_pgoutput_msg *m)
{
    switch ((leat_pgoutput_type)m->type) {
    case LEAT_PGOUTPUT_RELATION:
        inside(m->relation.schema);
        inside(m->relation.name);
        for (uint16_t i = 0; i < m->relation.n; i++) inside(m->relation.cols[i].name);
        break;
    case LEAT_PGOUTPUT_TYPE:
        inside(m->type_of.schema);
        inside(m->type_of.name);
        break;
    case LEAT_PGOUTPUT_INSERT:
    case LEAT_PGOUTPUT_UPDATE:
    case LEAT_PGOUTPUT_DELETE:
        if ((m->type == LEAT_PGOUTPUT_DELETE) != (m->change.now.cells == NULL)) abort();
        tuple(&m->change.old);
        tuple(&m->change.now);
        break;
    case LEAT_PGOUTPUT_TRUNCATE:
        if (m->truncate.n > all.len) abort();
        break;
    case LEAT_PGOUTPUT_MESSAGE:
        inside(m->message.prefix);
        inside(m->message.content);
        break;
    case LEAT_PGOUTPUT_ORIGIN: inside(m->origin.name); break;
    case LEAT_PGOUTPUT_BEGIN:
    case LEAT_PGOUTPUT_COMMIT: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a = {0};
    leat_pgoutput_msg m;
    leat_walframe f;
    leat_err e;
    uint64_t lsn;
    all = (leat_str){(const char *)data, size};
    leat_rc rc = leat_pgoutput_decode(all, &a, &m, &e);
    if (rc == LEAT_OK)
        message(&m);
    else if (rc != LEAT_FATAL || !leat_str_utf8(leat_str_of(e.msg)))
        abort();
    /* Nothing that a few bytes say makes much memory: 24 bytes a cell, 32 a column. */
    if (a.held > (1 << 16) + 64 * size) abort();
    if (leat_walframe_decode(all, &f, &e) == LEAT_OK) inside(f.data);
    if (leat_lsn_parse(all, &lsn)) {
        char text[LEAT_LSN_TEXT];
        uint64_t again;
        if (!leat_lsn_parse(leat_str_of(leat_lsn_print(lsn, text)), &again) || again != lsn)
            abort();
    }
    leat_arena_free(&a);
    return 0;
}
