/* snapshot.new.tables: tables that appear, or are published, while the connector runs.
 *
 * Every few seconds the captured tables are compared with those of the look before. One that is new
 * is wanted as if a signal had asked for it. Its rows must not be read before the publication has
 * it, or changes in between would be in neither: so with publication.autocreate.mode=filtered it is
 * first in the durable position that it is wanted, then the publication is altered, then the table
 * is read; a kill in between forgets nothing. A publication of somebody else's is waited for, and
 * what to run is told once. Run by the task's thread. */
#include "base/log.h"
#include "source/postgres/incremental.h"
#include "source/postgres/partition.h"
#include "source/postgres/publication.h"
#include "system/postgres/quote.h"

struct leat_pg_news {
    leat_arena a; /* of: */
    const char **known, **told;
    size_t nknown, ntold;
    bool looked;
    bool waits;    /* a table is to be published by us, or was just now */
    bool durable;  /* that the last one is wanted is ... */
    char mark[64]; /* ... by this */
};

void leat_pg_news_free(leat_pg_news *x)
{
    if (!x) return;
    leat_arena_free(&x->a);
    leat_free(x);
}

bool leat_pg_news_wait(const leat_pg_source *s)
{
    return s->news && s->news->waits;
}

void leat_pg_news_acked(leat_pg_source *s, leat_str offset)
{
    leat_pg_news *x = s->news;
    if (!x || x->durable || !x->mark[0]) return;
    x->durable = memmem(offset.s, offset.len, x->mark, strlen(x->mark)) != NULL;
}

static bool among(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static leat_wanted *wanted(const leat_increment *inc, const char *name)
{
    leat_wanted *w = inc->first;
    while (w && !(strcmp(w->name, name) == 0 && leat_wanted_new(w))) w = w->next;
    return w;
}

static void want(leat_pg_source *s, leat_batch *b, const char *name)
{
    leat_pg_news *x = s->news;
    const leat_wanted *w = leat_increment_want(s->inc, b, name);
    x->durable = false;
    snprintf(x->mark, sizeof x->mark, "%s", w->asked);
    leat_log(LEAT_INFO, "postgres.new_table", "table=\"%s\" is new: its rows are read", name);
}

/* The user's publication lacks it. */
static void tell(const leat_pg_source *s, const leat_pg_relation *r, const char *name)
{
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "ALTER PUBLICATION ");
    leat_pg_quote_name(&sql, leat_str_of(s->conf->publications.v[0]));
    leat_buf_str_z(&sql, " ADD TABLE ");
    leat_pg_quote_table(&sql, r->schema, r->name);
    leat_log(
        LEAT_WARN, "postgres.new_table_unpublished",
        "table=\"%s\" is new and captured, but the publication does not have it, so its changes "
        "are not sent. Run: " LEAT_STR_FMT "; its rows are read then",
        name, LEAT_STR_ARG(leat_buf_str(&sql)));
    leat_buf_free(&sql);
}

typedef struct look {
    leat_arena a;
    leat_pg_tables t;
    const leat_pg_relation **lack;
    size_t nlack;
} look;

static leat_rc read_look(leat_pg_source *s, look *l, leat_err *e)
{
    leat_arena *a = &l->a;
    LEAT_TRY(leat_pg_rules_tables(&s->rules, &s->sql, a, &l->t, e));
    LEAT_TRY(leat_pg_partitions_once(&s->sql, s->conf, &l->t, a, e));
    return leat_pg_publications_lack(&s->sql, &s->conf->publications, s->conf->via_root,
                                     l->t.captured, l->t.ncaptured, a, &l->lack, &l->nlack, e);
}

static bool lacks(const look *l, const leat_pg_relation *r)
{
    for (size_t i = 0; i < l->nlack; i++)
        if (l->lack[i] == r) return true;
    return false;
}

/* One table; what is known of it from now on goes into next. */
static void look_at(leat_pg_source *s, leat_batch *b, const look *l, const leat_pg_relation *r,
                    bool ours, leat_pg_news *next)
{
    leat_pg_news *x = s->news;
    const char *name = leat_arena_printf(&next->a, "%s.%s", r->schema, r->name);
    bool lack = lacks(l, r), known = among(x->known, x->nknown, name);
    leat_wanted *w = wanted(s->inc, name);
    if (leat_capture_is_signal(&s->conf->capture, r->schema, r->name)) return;
    if (w) w->ready = !lack;
    if (!lack) next->known[next->nknown++] = name;
    if (lack && !ours) next->told[next->ntold++] = name;
    if (lack && !ours && !among(x->told, x->ntold, name)) tell(s, r, name);
    bool fresh = lack ? ours : x->looked && !known;
    if (!fresh || w) return;
    want(s, b, name);
    if ((w = wanted(s->inc, name))) w->ready = !lack;
}

leat_rc leat_pg_news_look(leat_pg_source *s, leat_batch *b, bool ours, bool differ, bool *publish,
                          leat_err *e)
{
    look l = {0};
    *publish = false;
    if (!s->news) {
        s->news = leat_zalloc(1, sizeof *s->news);
        s->news->durable = true; /* what was wanted when we began is in the position */
    }
    leat_pg_news *x = s->news;
    if (x->looked && !differ && !x->waits && x->ntold == 0) return LEAT_OK;
    leat_rc rc = read_look(s, &l, e);
    if (rc == LEAT_OK) {
        leat_pg_news next = {0};
        next.known = LEAT_NEW(&next.a, const char *, l.t.ncaptured);
        next.told = LEAT_NEW(&next.a, const char *, l.t.ncaptured);
        for (size_t i = 0; i < l.t.ncaptured; i++) look_at(s, b, &l, l.t.captured[i], ours, &next);
        leat_arena_free(&x->a);
        x->a = next.a;
        x->known = next.known;
        x->nknown = next.nknown;
        x->told = next.told;
        x->ntold = next.ntold;
        x->looked = true;
        bool publishes = ours && l.nlack > 0;
        *publish = publishes && x->durable;
        x->waits = publishes;
    }
    leat_arena_free(&l.a);
    return rc;
}
