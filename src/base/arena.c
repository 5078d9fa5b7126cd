/* Arenas: a chain of heap blocks, filled one after the other; and the heap that never says no.
 *
 * The chain is: blocks that are used up, cur, blocks left from before a reset. A piece that needs a
 * block of its own gets one put at the chain's front, so that cur can go on being filled. Blocks
 * double up to 1 MiB. No free of single pieces, no locks: one owner at a time; the heap functions
 * are for any thread. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct leat_arena_block {
    leat_arena_block *next;
    size_t cap; /* bytes of data */
    _Alignas(16) char data[];
};

struct leat_arena_later {
    void (*fn)(void *arg);
    void *arg;
    leat_arena_later *next;
};

enum { BLOCK_FIRST = 4096, BLOCK_MOST = 1 << 20 };

static int exit_status; /* 0: abort */

static _Noreturn void die(size_t size)
{
    char text[80];
    int n = snprintf(text, sizeof(text), "leat: out of memory (%zu bytes wanted)\n", size);
    if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0) abort();
    if (exit_status != 0) _exit(exit_status);
    abort();
}

void leat_heap_exit(int status)
{
    exit_status = status;
}

void *leat_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p) die(size);
    return p;
}

void *leat_zalloc(size_t n, size_t size)
{
    void *p = n && size ? calloc(n, size) : calloc(1, 1);
    if (!p) die(n);
    return p;
}

void *leat_realloc(void *p, size_t size)
{
    void *moved = realloc(p, size ? size : 1);
    if (!moved) die(size);
    return moved;
}

char *leat_strdup(const char *z)
{
    size_t n = strlen(z) + 1;
    return memcpy(leat_alloc(n), z, n);
}

void leat_free(void *p)
{
    free(p);
}

void leat_arena_init(leat_arena *a, size_t block)
{
    *a = (leat_arena){.block = block};
}

static void drop(leat_arena *a, leat_arena_block *blk)
{
    LEAT_ARENA_OPEN(blk->data, blk->cap);
    a->held -= sizeof(*blk) + blk->cap;
    free(blk);
}

void leat_arena_defer(leat_arena *a, void (*fn)(void *arg), void *arg)
{
    leat_arena_later *l = LEAT_NEW(a, leat_arena_later, 1);
    *l = (leat_arena_later){fn, arg, a->later};
    a->later = l;
}

static void run_later(leat_arena *a)
{
    for (leat_arena_later *l = a->later; l; l = l->next) l->fn(l->arg);
    a->later = NULL;
}

void leat_arena_free(leat_arena *a)
{
    run_later(a);
    for (leat_arena_block *blk = a->first, *next; blk; blk = next) {
        next = blk->next;
        drop(a, blk);
    }
    *a = (leat_arena){0};
}

static void enter(leat_arena *a, leat_arena_block *blk)
{
    a->cur = blk;
    a->at = blk ? blk->data : NULL;
    a->end = blk ? blk->data + blk->cap : NULL;
}

void leat_arena_reset(leat_arena *a, size_t keep)
{
    leat_arena_block **link = &a->first;
    run_later(a);
    while (*link) {
        leat_arena_block *blk = *link;
        size_t size = sizeof(*blk) + blk->cap;
        if (size <= keep) {
            keep -= size;
            LEAT_ARENA_SHUT(blk->data, blk->cap);
            link = &blk->next;
        } else {
            *link = blk->next;
            drop(a, blk);
        }
    }
    if (!a->first) a->block = 0;
    enter(a, a->first);
}

size_t leat_arena_used(const leat_arena *a)
{
    size_t used = 0;
    for (const leat_arena_block *blk = a->first; blk && a->cur; blk = blk->next) {
        if (blk == a->cur) return used + (size_t)(a->at - blk->data);
        used += blk->cap;
    }
    return used;
}

/* A block with room for need bytes: one left behind cur, or a new one; not in the chain. */
static leat_arena_block *take(leat_arena *a, size_t need)
{
    for (leat_arena_block **link = a->cur ? &a->cur->next : &a->first; *link;
         link = &(*link)->next) {
        leat_arena_block *blk = *link;
        if (blk->cap < need) continue;
        *link = blk->next;
        return blk;
    }
    size_t size = a->block ? a->block : BLOCK_FIRST;
    /* Doubled only when several are full: else half of what is held would be the last one's rest.
     */
    if (a->block < BLOCK_MOST && (a->block == 0 || a->held >= 4 * size))
        a->block = size * 2 < BLOCK_MOST ? size * 2 : BLOCK_MOST;
    if (size < sizeof(leat_arena_block) || size - sizeof(leat_arena_block) < need) {
        if (__builtin_add_overflow(need, sizeof(leat_arena_block), &size)) die(need);
    }
    leat_arena_block *blk = leat_alloc(size);
    blk->cap = size - sizeof(*blk);
    a->held += size;
    LEAT_ARENA_SHUT(blk->data, blk->cap);
    return blk;
}

void *leat_arena_grow(leat_arena *a, size_t size, size_t align)
{
    size_t need;
    if (__builtin_add_overflow(size, align - 1, &need)) die(size);
    leat_arena_block *blk = take(a, need);
    size_t left = (size_t)(a->end - a->at);
    char *p = (char *)(((uintptr_t)blk->data + (align - 1)) & ~(uintptr_t)(align - 1));
    LEAT_ARENA_OPEN(p, size);
    if (a->cur && blk->cap - need < left) {
        blk->next = a->first;
        a->first = blk;
        return p;
    }
    leat_arena_block **link = a->cur ? &a->cur->next : &a->first;
    blk->next = *link;
    *link = blk;
    enter(a, blk);
    a->at = p + size;
    return p;
}

void *leat_arena_zalloc(leat_arena *a, size_t n, size_t size, size_t align)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) die(n);
    void *p = leat_arena_alloc(a, bytes, align);
    return memset(p, 0, bytes);
}

void *leat_arena_dup(leat_arena *a, const void *p, size_t len)
{
    void *copy = leat_arena_alloc(a, len, 16);
    return len ? memcpy(copy, p, len) : copy;
}

char *leat_arena_strdup(leat_arena *a, const char *z)
{
    size_t n = strlen(z) + 1;
    return memcpy(leat_arena_alloc(a, n, 1), z, n);
}

leat_str leat_arena_str(leat_arena *a, leat_str s)
{
    if (!s.s) return s;
    char *copy = leat_arena_alloc(a, s.len + 1, 1);
    if (s.len) memcpy(copy, s.s, s.len);
    copy[s.len] = '\0';
    return (leat_str){copy, s.len};
}

void leat_arena_list_add(leat_arena_list *l, leat_arena *a, const char *name)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 32;
        const char **more = LEAT_NEW(a, const char *, cap);
        if (l->n > 0) memcpy(more, l->v, l->n * sizeof *more);
        l->v = more;
        l->cap = cap;
    }
    l->v[l->n++] = leat_arena_strdup(a, name);
}

char *leat_arena_printf(leat_arena *a, const char *fmt, ...)
{
    char brief[256];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(brief, sizeof(brief), fmt, args);
    va_end(args);
    if (n < 0) n = snprintf(brief, sizeof(brief), "(cannot be printed)");
    char *text = leat_arena_alloc(a, (size_t)n + 1, 1);
    if ((size_t)n < sizeof(brief)) return memcpy(text, brief, (size_t)n + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return text;
}
