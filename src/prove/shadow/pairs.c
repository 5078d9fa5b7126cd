/* Pairing (prove/shadow/pairs.h).
 *
 * Waiting records stand in a hash table by their place, and in a list by age. Where several share a
 * place, the key tells them apart, then the row; a lone one is compared whatever its key is.
 *
 * Who has passed what: leat's records come in the order of commits, so once a record of a later
 * transaction has met its twin, what Debezium has of earlier ones is not in leat (or was before the
 * slot: before the first transaction that both have). Debezium's partitions have no order between
 * them: a record of leat's is missing when Debezium has given a later one, anywhere, `wait` ago,
 * and everything that it had written was read since. What was compared last is remembered by its
 * hashes, and known again when Debezium repeats it. What differs on purpose (deliberate.h, and what
 * has a LEAT_SHADOW_SKIP of its own) is counted by its reason. */
#include "prove/shadow/pairs.h"

#include "base/clock.h"
#include "prove/shadow/compare.h"

enum {
    BUCKETS = 1 << 16,
    SEEN = 1 << 18,
    LETTERS = 1 << 16,
    MOMENTS = 64,
    KEEP = 1 << 20,
    SHOWN = 400
};

const char *const leat_shadow_kind_names[LEAT_SHADOW_KINDS] = {
    [LEAT_SHADOW_CONTENT] = "content",       [LEAT_SHADOW_ORDER] = "order",
    [LEAT_SHADOW_MISSING] = "missing",       [LEAT_SHADOW_EXTRA] = "extra",
    [LEAT_SHADOW_UNREADABLE] = "unreadable",
};

/* A partition of one side. */
typedef struct part {
    char *topic;
    int32_t number;
    leat_shadow_id last; /* of the last record */
    uint64_t serial;     /* leat's, of the last one that met its twin */
    int64_t first, end; /* of Debezium's: offsets of the first and the last that met; end 0: none */
    leat_shadow_traits traits; /* leat's */
    uint64_t rows_dead;        /* leat's: rows of a snapshot that are dead letters, and not met */
    uint64_t rows;             /* rows of a snapshot */
    struct part *next;
} part;

typedef struct node {
    struct node *next; /* of its bucket */
    struct node *older, *younger;
    part *part;
    leat_shadow_id id;
    int64_t offset;
    uint64_t serial; /* leat's: in the order of its stream, from 1 */
    size_t size;
    leat_shadow_text text; /* behind the node */
} node;

typedef struct side {
    node *buckets[BUCKETS];
    node *oldest, *youngest;
    part *parts[256];
} side;

/* What leat's serial was that Debezium had reached by then. */
typedef struct moment {
    int64_t at_us;
    uint64_t reach;
} moment;

struct leat_shadow_pairs {
    const leat_shadow_scope *scope;
    size_t memory;
    int64_t wait_us;
    void (*found)(void *arg, const leat_shadow_difference *d);
    void *arg;
    side sides[2];
    leat_shadow_counts counts;
    leat_arena a; /* of one record */
    uint64_t serial;
    uint64_t reach;       /* highest serial that met its twin */
    int64_t first_commit; /* lowest and highest commit of Debezium's records that met theirs */
    int64_t last_commit;
    bool met;
    moment moments[MOMENTS]; /* of the last judgements, in a ring */
    unsigned nmoments;
    uint64_t overdue; /* serials up to it are missing */
    uint64_t *seen;   /* a ring of SEEN hashes, and a table of SEEN * 2 of them */
    uint64_t *known;
    uint64_t nseen;
    uint64_t *letters; /* spots of leat's dead letters, by their hash */
    bool told[LEAT_SHADOW_DELIBERATES];
};

leat_shadow_pairs *leat_shadow_pairs_new(const leat_shadow_scope *scope, size_t memory,
                                         int64_t wait_us,
                                         void (*found)(void *arg, const leat_shadow_difference *d),
                                         void *arg)
{
    leat_shadow_pairs *p = leat_zalloc(1, sizeof *p);
    p->scope = scope;
    p->memory = memory;
    p->wait_us = wait_us;
    p->found = found;
    p->arg = arg;
    p->seen = leat_zalloc(SEEN, sizeof *p->seen);
    p->known = leat_zalloc(SEEN, sizeof *p->known);
    p->letters = leat_zalloc(LETTERS, sizeof *p->letters);
    return p;
}

static void unlink_node(leat_shadow_pairs *p, leat_shadow_side s, node *n)
{
    side *own = &p->sides[s];
    node **at = &own->buckets[n->id.place % BUCKETS];
    while (*at != n) at = &(*at)->next;
    *at = n->next;
    *(n->older ? &n->older->younger : &own->oldest) = n->younger;
    *(n->younger ? &n->younger->older : &own->youngest) = n->older;
    p->counts.waiting[s]--;
    p->counts.bytes[s] -= n->size;
}

void leat_shadow_pairs_free(leat_shadow_pairs *p)
{
    if (!p) return;
    for (int s = 0; s < 2; s++) {
        for (node *n = p->sides[s].oldest, *next; n; n = next) {
            next = n->younger;
            leat_free(n);
        }
        for (size_t i = 0; i < sizeof p->sides[s].parts / sizeof *p->sides[s].parts; i++)
            for (part *q = p->sides[s].parts[i], *next; q; q = next) {
                next = q->next;
                leat_shadow_traits_fini(&q->traits);
                leat_free(q->topic);
                leat_free(q);
            }
    }
    leat_free(p->seen);
    leat_free(p->known);
    leat_free(p->letters);
    leat_arena_free(&p->a);
    leat_free(p);
}

static part *part_of(side *s, const char *topic, int32_t number)
{
    part **at = &s->parts[(leat_str_hash(leat_str_of(topic)) + (uint32_t)number) % 256];
    for (; *at; at = &(*at)->next)
        if ((*at)->number == number && strcmp((*at)->topic, topic) == 0) return *at;
    *at = leat_zalloc(1, sizeof **at);
    (*at)->topic = leat_strdup(topic);
    (*at)->number = number;
    return *at;
}

void leat_shadow_describe(leat_shadow_pairs *p, const leat_table *table)
{
    leat_shadow_traits_see(&part_of(&p->sides[LEAT_SHADOW_LEAT], table->topic, 0)->traits, table);
}

void leat_shadow_letter(leat_shadow_pairs *p, const char *topic, leat_str position)
{
    const leat_json *j;
    leat_arena_reset(&p->a, KEEP);
    if (leat_json_parse(&p->a, position, &j, NULL) != LEAT_OK) return;
    const leat_json *row = leat_json_get(j, "snapshot");
    uint64_t spot = leat_shadow_spot(j);
    if (row && topic)
        part_of(&p->sides[LEAT_SHADOW_LEAT], topic, 0)->rows_dead++;
    else if (!row)
        p->letters[spot % LETTERS] = spot;
}

/* ---- what was seen ---- */

static uint64_t seal(const leat_shadow_id *id)
{
    return (id->place ^ id->key * 31) | 1;
}

static void remember(leat_shadow_pairs *p, const leat_shadow_id *id)
{
    uint64_t *old = &p->seen[p->nseen++ % SEEN], hash = seal(id);
    if (*old && p->known[*old % SEEN] == *old) p->known[*old % SEEN] = 0;
    *old = hash;
    p->known[hash % SEEN] = hash;
}

static bool repeats(const leat_shadow_pairs *p, const leat_shadow_id *id)
{
    uint64_t hash = seal(id);
    return p->known[hash % SEEN] == hash;
}

/* ---- telling ---- */

/* A JSON text for a person: cut if it is long. */
static leat_str shown(leat_shadow_pairs *p, leat_str text)
{
    if (!text.s || text.len <= SHOWN) return text;
    return leat_str_of(leat_arena_printf(&p->a, "%.*s...", (int)leat_str_fit(text, SHOWN), text.s));
}

static leat_shadow_difference difference(leat_shadow_pairs *p, leat_shadow_kind kind,
                                         const node *leat, const node *debezium, const char *path,
                                         const leat_json *x, const leat_json *y)
{
    const node *n = debezium ? debezium : leat;
    leat_shadow_difference d = {
        .kind = kind,
        .topic = n->part->topic,
        .partition = debezium ? debezium->part->number : -1,
        .offset = debezium ? debezium->offset : -1,
        .leat_offset = leat ? leat->offset : -1,
        .key = shown(p, n->text.key),
        .path = path,
    };
    if (path) {
        d.leat = x ? shown(p, leat_json_text(x, &p->a)) : (leat_str){0};
        d.debezium = y ? shown(p, leat_json_text(y, &p->a)) : (leat_str){0};
    } else {
        d.leat = leat ? shown(p, leat->text.value) : (leat_str){0};
        d.debezium = debezium ? shown(p, debezium->text.value) : (leat_str){0};
    }
    return d;
}

static void tell(leat_shadow_pairs *p, leat_shadow_kind kind, const node *leat,
                 const node *debezium, const char *path, const leat_json *x, const leat_json *y)
{
    leat_shadow_difference d = difference(p, kind, leat, debezium, path, x, y);
    p->counts.differences[kind]++;
    p->found(p->arg, &d);
}

typedef struct meeting {
    leat_shadow_pairs *p;
    const node *leat, *debezium;
    bool differ, explained;
} meeting;

/* What differs on purpose is told once a purpose. */
static void explain(meeting *m, int why, const char *path, const leat_json *x, const leat_json *y)
{
    leat_shadow_pairs *p = m->p;
    m->explained = true;
    p->counts.deliberate[why]++;
    if (p->told[why]) return;
    p->told[why] = true;
    leat_shadow_difference d = difference(p, LEAT_SHADOW_CONTENT, m->leat, m->debezium, path, x, y);
    d.purpose = &leat_shadow_purposes[why];
    p->found(p->arg, &d);
}

static void on_place(void *arg, const char *path, const leat_json *leat, const leat_json *debezium)
{
    meeting *m = arg;
    int rule = leat_shadow_rule_find(path, leat, debezium, m->debezium->id.rows);
    if (rule >= 0) {
        m->p->counts.ruled[rule]++;
        return;
    }
    int why = leat_shadow_deliberate_find(&m->leat->part->traits, path, leat, debezium,
                                          m->debezium->id.rows);
    if (why >= 0) {
        explain(m, why, path, leat, debezium);
        return;
    }
    m->differ = true;
    tell(m->p, LEAT_SHADOW_CONTENT, m->leat, m->debezium, path, leat, debezium);
}

/* leat's has met one of Debezium's: how far both are. */
static void pass(leat_shadow_pairs *p, const node *leat, const node *debezium)
{
    part *at = debezium->part;
    if (at->end == 0) at->first = debezium->offset;
    if (debezium->offset >= at->end) at->end = debezium->offset + 1;
    if (debezium->id.change && !debezium->id.rows) {
        int64_t commit = debezium->id.commit;
        if (!p->met || commit < p->first_commit) p->first_commit = commit;
        if (!p->met || commit > p->last_commit) p->last_commit = commit;
        p->met = true;
    }
    if (leat->serial > p->reach) p->reach = leat->serial;
    remember(p, &debezium->id);
}

/* The two are the same record. */
static void meet(leat_shadow_pairs *p, const node *leat, const node *debezium)
{
    leat_err err;
    meeting m = {p, leat, debezium, false, false};
    part *at = debezium->part;
    p->counts.compared++;
    if (leat_shadow_compare(&leat->text, &debezium->text, &p->a, on_place, &m, &err) != LEAT_OK) {
        m.differ = true;
        tell(p, LEAT_SHADOW_UNREADABLE, leat, debezium, NULL, NULL, NULL);
    }
    if (!debezium->id.rows && leat->serial < at->serial) {
        m.differ = true;
        tell(p, LEAT_SHADOW_ORDER, leat, debezium, NULL, NULL, NULL);
    } else if (!debezium->id.rows) {
        at->serial = leat->serial;
    }
    pass(p, leat, debezium);
    if (!m.differ) (*(m.explained ? &p->counts.explained : &p->counts.equal))++;
}

/* ---- meeting ---- */

/* Of those that wait at id's place: the same key and row, else the same key, else the same row (a
 * key can be shown in another way), else a lone one; the oldest of several (buckets have the
 * youngest first). */
static node *twin(side *s, const leat_shadow_id *id)
{
    node *same = NULL, *key = NULL, *row = NULL, *lone = NULL;
    unsigned n = 0;
    for (node *x = s->buckets[id->place % BUCKETS]; x; x = x->next) {
        if (x->id.place != id->place) continue;
        n++;
        lone = x;
        bool same_row = x->id.row == id->row;
        if (same_row && id->row != 0) row = x;
        if (x->id.key != id->key) continue;
        key = x;
        if (same_row) same = x;
    }
    if (same || key) return same ? same : key;
    return row || n != 1 ? row : lone;
}

static leat_str copied(char **at, leat_str text)
{
    if (!text.s) return text;
    memcpy(*at, text.s, text.len);
    leat_str out = {*at, text.len};
    *at += text.len;
    return out;
}

static void keep(leat_shadow_pairs *p, leat_shadow_side s, const node *n)
{
    size_t size = sizeof *n + n->text.key.len + n->text.value.len + n->text.headers.len;
    node *own = leat_alloc(size + 1);
    char *at = (char *)(own + 1);
    *own = *n;
    own->size = size;
    own->text = (leat_shadow_text){copied(&at, n->text.key), copied(&at, n->text.value),
                                   copied(&at, n->text.headers)};
    side *to = &p->sides[s];
    node **bucket = &to->buckets[own->id.place % BUCKETS];
    own->next = *bucket;
    *bucket = own;
    own->older = to->youngest;
    own->younger = NULL;
    *(to->youngest ? &to->youngest->younger : &to->oldest) = own;
    to->youngest = own;
    p->counts.waiting[s]++;
    p->counts.bytes[s] += size;
}

void leat_shadow_add(leat_shadow_pairs *p, leat_shadow_side s, const char *topic, int32_t partition,
                     int64_t offset, const leat_shadow_text *text)
{
    leat_err err;
    part *at = part_of(&p->sides[s], topic, partition);
    node n = {.part = at, .offset = offset, .text = *text};
    leat_arena_reset(&p->a, KEEP);
    p->counts.read[s]++;
    leat_rc rc = leat_shadow_identify(p->scope, topic, text, &at->last, &p->a, &n.id, &err);
    if (rc != LEAT_OK) {
        tell(p, LEAT_SHADOW_UNREADABLE, s == LEAT_SHADOW_LEAT ? &n : NULL,
             s == LEAT_SHADOW_LEAT ? NULL : &n, NULL, NULL, NULL);
        at->last = (leat_shadow_id){0};
        return;
    }
    at->last = n.id;
    at->rows += n.id.rows;
    if (n.id.ts_us > p->counts.last_us[s]) p->counts.last_us[s] = n.id.ts_us;
    if (n.id.skip) {
        if (s == LEAT_SHADOW_DEBEZIUM) p->counts.skipped[n.id.skip]++;
        return;
    }
    if (s == LEAT_SHADOW_LEAT) n.serial = ++p->serial;
    leat_shadow_side other = s == LEAT_SHADOW_LEAT ? LEAT_SHADOW_DEBEZIUM : LEAT_SHADOW_LEAT;
    node *found = twin(&p->sides[other], &n.id);
    if (!found) {
        if (s == LEAT_SHADOW_DEBEZIUM && repeats(p, &n.id))
            p->counts.skipped[LEAT_SHADOW_SKIP_REPEAT]++;
        else
            keep(p, s, &n);
        return;
    }
    if (s == LEAT_SHADOW_LEAT)
        meet(p, &n, found);
    else
        meet(p, found, &n);
    unlink_node(p, other, found);
    leat_free(found);
}

bool leat_shadow_full(const leat_shadow_pairs *p, leat_shadow_side s)
{
    return p->counts.bytes[s] >= p->memory;
}

/* ---- what does not come ---- */

static bool listed(const char *const *topics, size_t n, const char *topic)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(topics[i], topic) == 0) return true;
    return false;
}

/* A row of Debezium's snapshot that leat has not. */
static leat_shadow_skip verdict_on_row(leat_shadow_pairs *p, const node *n)
{
    const leat_shadow_scope *scope = p->scope;
    const char *topic = n->part->topic;
    part *own = part_of(&p->sides[LEAT_SHADOW_LEAT], topic, 0);
    if (listed(scope->unlogged, scope->nunlogged, topic)) return LEAT_SHADOW_SKIP_UNLOGGED;
    if (own->rows == 0 && listed(scope->partitions, scope->npartitions, topic))
        return LEAT_SHADOW_SKIP_PARTITION;
    if (own->rows_dead == 0) return LEAT_SHADOW_TAKE;
    own->rows_dead--;
    return LEAT_SHADOW_SKIP_LETTER;
}

/* What becomes of a record of Debezium's that has no twin: TAKE is a difference. */
static leat_shadow_skip verdict(leat_shadow_pairs *p, const node *n)
{
    bool change = n->id.change && !n->id.rows;
    bool before = change ? n->id.commit < p->first_commit : n->offset < n->part->first;
    bool passed = change ? n->id.commit < p->last_commit : n->offset < n->part->end;
    if (repeats(p, &n->id)) return LEAT_SHADOW_SKIP_REPEAT;
    if (n->id.rows) return verdict_on_row(p, n);
    if (n->id.spot && p->letters[n->id.spot % LETTERS] == n->id.spot)
        return LEAT_SHADOW_SKIP_LETTER;
    if (before || (change && !p->met)) return LEAT_SHADOW_SKIP_BEFORE;
    return passed ? LEAT_SHADOW_TAKE : LEAT_SHADOW_SKIP_AFTER;
}

static node *waiting(side *s, uint64_t place)
{
    node *n = s->buckets[place % BUCKETS];
    while (n && n->id.place != place) n = n->next;
    return n;
}

/* An update of a replica identity that is not the table's key, at the spot of a delete: Debezium
 * makes that of a key that it does not know, its tombstone, and a create. */
static bool by_identity(leat_shadow_pairs *p, const leat_shadow_id *id)
{
    side *own = &p->sides[LEAT_SHADOW_LEAT], *other = &p->sides[LEAT_SHADOW_DEBEZIUM];
    uint64_t gone = leat_shadow_place(id->topic, id->spot, 'd');
    node *u = waiting(own, leat_shadow_place(id->topic, id->spot, 'u'));
    node *d = waiting(other, gone), *t = waiting(other, leat_shadow_tombstone(gone));
    node *c = waiting(other, leat_shadow_place(id->topic, id->spot, 'c'));
    if (!u || !d || !c || !d->id.blank || c->id.after != u->id.after) return false;
    node *const all[] = {d, t, c};
    p->counts.compared++;
    p->counts.explained++;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i]) continue;
        pass(p, u, all[i]);
        p->counts.skipped[LEAT_SHADOW_SKIP_IDENTITY]++;
        unlink_node(p, LEAT_SHADOW_DEBEZIUM, all[i]);
        leat_free(all[i]);
    }
    unlink_node(p, LEAT_SHADOW_LEAT, u);
    leat_free(u);
    return true;
}

static void judge_identities(leat_shadow_pairs *p)
{
    node *n = p->sides[LEAT_SHADOW_DEBEZIUM].oldest;
    while (n)
        n = n->id.blank && by_identity(p, &n->id) ? p->sides[LEAT_SHADOW_DEBEZIUM].oldest
                                                  : n->younger;
}

/* An update of leat's waits at its spot: it may be one half of that. */
static bool half(leat_shadow_pairs *p, const leat_shadow_id *id)
{
    uint64_t place = leat_shadow_place(id->topic, id->spot, 'u');
    return waiting(&p->sides[LEAT_SHADOW_LEAT], place) != NULL;
}

static void settle(leat_shadow_pairs *p, node *n)
{
    leat_shadow_skip skip = verdict(p, n);
    if (skip)
        p->counts.skipped[skip]++;
    else
        tell(p, LEAT_SHADOW_EXTRA, NULL, n, NULL, NULL, NULL);
    unlink_node(p, LEAT_SHADOW_DEBEZIUM, n);
    leat_free(n);
}

/* Debezium's changes of transactions that leat has passed. */
static void judge_debezium(leat_shadow_pairs *p, bool final)
{
    judge_identities(p);
    for (node *n = p->sides[LEAT_SHADOW_DEBEZIUM].oldest, *next; n && p->met; n = next) {
        next = n->younger;
        bool passed = n->id.change && !n->id.rows && n->id.commit < p->last_commit;
        if (passed && (final || !half(p, &n->id))) settle(p, n);
    }
}

static void judge_leat(leat_shadow_pairs *p, uint64_t below)
{
    for (node *n = p->sides[LEAT_SHADOW_LEAT].oldest, *next; n && n->serial < below; n = next) {
        next = n->younger;
        tell(p, LEAT_SHADOW_MISSING, n, NULL, NULL, NULL, NULL);
        unlink_node(p, LEAT_SHADOW_LEAT, n);
        leat_free(n);
    }
}

/* Both sides are full of what does not meet, and neither can go on: the older halves are told. */
static void make_room(leat_shadow_pairs *p)
{
    uint64_t until = p->sides[LEAT_SHADOW_LEAT].oldest->serial + p->counts.waiting[0] / 2 + 1;
    uint64_t n = p->counts.waiting[LEAT_SHADOW_DEBEZIUM] / 2 + 1;
    judge_leat(p, until);
    while (n-- > 0) {
        node *oldest = p->sides[LEAT_SHADOW_DEBEZIUM].oldest;
        tell(p, LEAT_SHADOW_EXTRA, NULL, oldest, NULL, NULL, NULL);
        unlink_node(p, LEAT_SHADOW_DEBEZIUM, oldest);
        leat_free(oldest);
    }
}

void leat_shadow_judge(leat_shadow_pairs *p, int64_t now_us, bool idle)
{
    leat_arena_reset(&p->a, KEEP);
    judge_debezium(p, false);
    moment *last = &p->moments[p->nmoments % MOMENTS];
    /* The ring covers the wait: a moment each 1/32 of it. */
    if (p->nmoments == 0 ||
        now_us - p->moments[(p->nmoments - 1) % MOMENTS].at_us >= p->wait_us / (MOMENTS / 2)) {
        *last = (moment){now_us, p->reach};
        p->nmoments++;
    }
    for (unsigned i = 0; i < MOMENTS && i < p->nmoments; i++)
        if (now_us - p->moments[i].at_us >= p->wait_us && p->moments[i].reach > p->overdue)
            p->overdue = p->moments[i].reach;
    if (idle) judge_leat(p, p->overdue);
    if (leat_shadow_full(p, LEAT_SHADOW_LEAT) && leat_shadow_full(p, LEAT_SHADOW_DEBEZIUM))
        make_room(p);
}

void leat_shadow_end(leat_shadow_pairs *p)
{
    leat_arena_reset(&p->a, KEEP);
    judge_debezium(p, true);
    judge_leat(p, p->reach);
    while (p->sides[LEAT_SHADOW_DEBEZIUM].oldest) settle(p, p->sides[LEAT_SHADOW_DEBEZIUM].oldest);
}

const leat_shadow_counts *leat_shadow_counted(const leat_shadow_pairs *p)
{
    return &p->counts;
}
