/* Diffs of binary JSON (PARTIAL_UPDATE_ROWS) applied to a document.
 *
 *     diffs  = { u8 operation, lenenc length, path, [lenenc length, document], not with REMOVE }
 *              operation: 0 replace, 1 insert, 2 remove
 *     path   = '$' { '.' name | '.' '"' text '"' | '[' index ']' | '[' "last" ['-' index] ']' }
 *
 * Only the containers on a path become a tree; all else stays the bytes that it is. Insert puts an
 * element before the one of that index, a member at its place in the stored order (by length, then
 * bytes). */
#include "base/json.h"
#include "source/mysql/binlog_part.h"
#include "source/mysql/jsonbin_part.h"

typedef enum operation { REPLACE = 0, INSERT = 1, REMOVE = 2 } operation;

typedef struct node node;
typedef struct member {
    leat_str key; /* of an object's */
    node *node;
} member;
struct node {
    leat_jsonbin_value v; /* not opened */
    bool opened, object;
    uint32_t n, cap;
    member *members;
};

/* One leg of a path. */
typedef struct leg {
    bool cell, last; /* cell: index, else key; last: index from the end */
    uint32_t index;
    leat_str key;
} leg;

/* One call's: what it may open is bounded by its bytes, as members can share them. */
typedef struct patch {
    leat_arena *a;
    size_t members_left;
} patch;

static node *node_of(leat_arena *a, leat_jsonbin_value v)
{
    node *n = LEAT_NEW(a, node, 1);
    n->v = v;
    return n;
}

static bool open_node(patch *p, node *n)
{
    leat_jsonbin_container c;
    leat_jsonbin_value v;
    if (n->opened) return true;
    if (!leat_jsonbin_is_container(n->v) || !leat_jsonbin_open(n->v, &c)) return false;
    if (c.n > p->members_left) return false;
    p->members_left -= c.n;
    n->cap = c.n + 4;
    n->members = LEAT_NEW(p->a, member, n->cap);
    for (uint32_t i = 0; i < c.n; i++) {
        if (!leat_jsonbin_member(&c, i, &n->members[i].key, &v)) return false;
        n->members[i].node = node_of(p->a, v);
    }
    n->n = c.n;
    n->object = c.object;
    n->opened = true;
    return true;
}

/* ---- paths ---- */

/* A name in quotes, as JSON has it; without escapes it is not copied. */
static bool quoted_key(leat_str *path, leat_arena *a, leat_str *key)
{
    size_t i = 1;
    bool escaped = false;
    while (i < path->len && path->s[i] != '"') {
        if (path->s[i] == '\\') escaped = true, i++;
        i++;
    }
    if (i >= path->len) return false;
    *key = (leat_str){path->s + 1, i - 1};
    leat_str whole = {path->s, i + 1};
    path->s += i + 1;
    path->len -= i + 1;
    if (!escaped) return true;
    const leat_json *j;
    if (leat_json_parse(a, whole, &j, NULL) != LEAT_OK) return false;
    *key = j->text;
    return true;
}

static void plain_key(leat_str *path, leat_str *key)
{
    size_t i = 0;
    while (i < path->len && path->s[i] != '.' && path->s[i] != '[') i++;
    *key = (leat_str){path->s, i};
    path->s += i;
    path->len -= i;
}

static bool cell(leat_str *path, leg *out)
{
    leat_str rest = *path, text = leat_str_trim(leat_str_cut(&rest, ']'));
    uint64_t index = 0;
    if (!rest.s) return false;
    *path = rest;
    out->last = leat_str_starts(text, "last");
    if (out->last) {
        text = leat_str_trim((leat_str){text.s + 4, text.len - 4});
        if (text.len && text.s[0] != '-') return false;
        if (text.len) text = leat_str_trim((leat_str){text.s + 1, text.len - 1});
    }
    if ((text.len || !out->last) && !leat_str_u64(text, &index)) return false;
    out->index = index > UINT32_MAX ? UINT32_MAX : (uint32_t)index;
    return true;
}

/* The next leg; path is behind it. */
static bool next_leg(leat_str *path, leat_arena *a, leg *out)
{
    char first = path->s[0];
    path->s++;
    path->len--;
    *out = (leg){.cell = first == '['};
    if (first == '[') return cell(path, out);
    if (first != '.') return false;
    if (path->len && path->s[0] == '"') return quoted_key(path, a, &out->key);
    plain_key(path, &out->key);
    return out->key.len > 0;
}

/* ---- members ---- */

static int key_order(leat_str x, leat_str y)
{
    if (x.len != y.len) return x.len < y.len ? -1 : 1;
    return x.len ? memcmp(x.s, y.s, x.len) : 0;
}

/* The place of the leg in an opened container, which is n when there is none. */
static uint32_t find(const node *in, const leg *l)
{
    if (l->cell) {
        if (!l->last) return l->index < in->n ? l->index : in->n;
        return l->index < in->n ? in->n - 1 - l->index : in->n;
    }
    for (uint32_t i = 0; i < in->n; i++)
        if (leat_str_eq(in->members[i].key, l->key)) return i;
    return in->n;
}

static void insert(leat_arena *a, node *in, uint32_t at, member m)
{
    if (in->n == in->cap) {
        in->cap = in->cap * 2 + 4;
        member *more = LEAT_NEW(a, member, in->cap);
        if (in->n) memcpy(more, in->members, in->n * sizeof *more);
        in->members = more;
    }
    memmove(in->members + at + 1, in->members + at, (in->n - at) * sizeof m);
    in->members[at] = m;
    in->n++;
}

/* ---- one diff ---- */

/* What the last leg names in its container is replaced, put there or taken away. */
static bool change(patch *p, node *in, const leg *l, operation op, node *value)
{
    if (!open_node(p, in) || in->object == l->cell) return false;
    uint32_t at = find(in, l);
    if (op == INSERT) {
        if (!l->cell && at < in->n) return false;
        while (!l->cell && at > 0 && key_order(in->members[at - 1].key, l->key) > 0) at--;
        insert(p->a, in, at, (member){l->key, value});
        return true;
    }
    if (at == in->n) return false;
    if (op == REPLACE) {
        in->members[at].node = value;
        return true;
    }
    memmove(in->members + at, in->members + at + 1, (in->n - at - 1) * sizeof *in->members);
    in->n--;
    return true;
}

/* An array's first cell, asked of what is no array, is the value itself. */
static bool is_itself(patch *p, node *n, const leg *l)
{
    bool first = l->cell && l->index == 0;
    return first && (!open_node(p, n) || n->object);
}

static bool apply(patch *p, node **root, leat_str path, operation op, node *value)
{
    node *in = *root;
    leg l;
    if (path.len == 0 || path.s[0] != '$') return false;
    path = (leat_str){path.s + 1, path.len - 1};
    if (path.len == 0) {
        if (op != REPLACE) return false;
        *root = value;
        return true;
    }
    for (;;) {
        if (!next_leg(&path, p->a, &l)) return false;
        if (is_itself(p, in, &l)) {
            if (path.len) continue;
            if (op != REPLACE) return false;
            *in = *value;
            return true;
        }
        if (path.len == 0) return change(p, in, &l, op, value);
        if (!open_node(p, in) || in->object == l.cell) return false;
        uint32_t at = find(in, &l);
        if (at == in->n) return false;
        in = in->members[at].node;
    }
}

static bool apply_all(patch *p, node **root, leat_str diffs)
{
    leat_cur c = leat_cur_of(diffs);
    while (leat_cur_left(&c)) {
        unsigned op = leat_cur_u8(&c);
        leat_str path = leat_cur_bytes(&c, leat_binlog_lenenc(&c));
        node *value = NULL;
        leat_jsonbin_value v;
        if (op > REMOVE || c.bad) return false;
        if (op != REMOVE) {
            leat_str document = leat_cur_bytes(&c, leat_binlog_lenenc(&c));
            if (c.bad || !leat_jsonbin_root(document, &v)) return false;
            value = node_of(p->a, v);
        }
        if (!apply(p, root, path, (operation)op, value)) return false;
    }
    return true;
}

/* ---- text ---- */

static bool print(const node *n, unsigned depth, size_t most, leat_buf *out)
{
    if (!n->opened) return leat_jsonbin_print(n->v, depth, most, out);
    if (depth >= LEAT_JSONBIN_DEPTH || out->len > most) return false;
    leat_buf_u8(out, n->object ? '{' : '[');
    for (uint32_t i = 0; i < n->n; i++) {
        if (i) leat_buf_u8(out, ',');
        if (n->object) {
            if (!leat_str_utf8(n->members[i].key)) return false;
            leat_jsonbin_quote(n->members[i].key, out);
            leat_buf_u8(out, ':');
        }
        if (!print(n->members[i].node, depth + 1, most, out)) return false;
    }
    leat_buf_u8(out, n->object ? '}' : ']');
    return true;
}

leat_rc leat_jsonbin_patch(leat_str bytes, leat_str diffs, leat_arena *a, leat_str *out,
                           leat_err *e)
{
    leat_jsonbin_value v = {.type = LEAT_JSONBIN_LITERAL, .data = {"", 1}}; /* null */
    if (bytes.len && !leat_jsonbin_root(bytes, &v))
        return leat_jsonbin_fail("is malformed", bytes.len, e);
    node *root = node_of(a, v);
    leat_buf text = {0};
    patch p = {.a = a, .members_left = bytes.len + diffs.len};
    bool fits = apply_all(&p, &root, diffs);
    bool ok = fits && print(root, 0, leat_jsonbin_most(bytes.len + diffs.len), &text);
    if (ok) *out = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    if (!fits) return leat_jsonbin_fail("does not fit the diffs of a partial update", bytes.len, e);
    return ok ? LEAT_OK : leat_jsonbin_fail("is malformed or too deep", bytes.len, e);
}
