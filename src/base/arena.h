/* Bump allocation with the lifetime of its owner: a connector, a batch, a call.
 *
 * There is no free of single pieces. An arena is reset (all pieces gone, memory kept for the next
 * round) or freed. Out of memory ends the process with a message: sizes that come from outside are
 * checked against limits before they get here. Not thread-safe: one owner at a time. */
#ifndef LEAT_BASE_ARENA_H
#define LEAT_BASE_ARENA_H

#include "base/str.h"

/* Under AddressSanitizer what an arena has not handed out (or has taken back by a reset) is
 * poisoned: a pointer kept across a reset is found at its first use. */
#if defined(__SANITIZE_ADDRESS__)
#define LEAT_ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAT_ARENA_ASAN 1
#endif
#endif
#ifdef LEAT_ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define LEAT_ARENA_OPEN(p, n) __asan_unpoison_memory_region((p), (n))
#define LEAT_ARENA_SHUT(p, n) __asan_poison_memory_region((p), (n))
#else
#define LEAT_ARENA_OPEN(p, n) ((void)0)
#define LEAT_ARENA_SHUT(p, n) ((void)0)
#endif

typedef struct leat_arena_block leat_arena_block;
typedef struct leat_arena_later leat_arena_later;

typedef struct leat_arena {
    leat_arena_block *first, *cur; /* chain of blocks; cur is the one being filled */
    char *at, *end;                /* free part of cur */
    size_t block;                  /* size of the next block; doubles up to 1 MiB */
    size_t held;                   /* bytes taken from the system, for the byte budget */
    leat_arena_later *later;       /* what is to be called at its end, the last one first */
} leat_arena;

/* block: size of the first block in bytes, 0 for the default (4 KiB). Nothing is allocated yet. A
 * zeroed leat_arena is a valid one with the default. */
void leat_arena_init(leat_arena *a, size_t block);
/* Every byte is given back; the arena may be used again. */
void leat_arena_free(leat_arena *a);
/* Keeps up to keep bytes of blocks for the next round and gives the rest back. */
void leat_arena_reset(leat_arena *a, size_t keep);

/* fn(arg) is called once, when the arena is reset or freed: for what pieces refer to and does not
 * lie in it. */
void leat_arena_defer(leat_arena *a, void (*fn)(void *arg), void *arg);

/* Bytes that were handed out, about: blocks that are used up count whole. */
size_t leat_arena_used(const leat_arena *a);

/* Slow path of leat_arena_alloc; not for others. align is a power of two, up to 4096. */
void *leat_arena_grow(leat_arena *a, size_t size, size_t align);

/* size bytes, aligned, not cleared. Never NULL; size 0 gives a valid pointer. */
static inline void *leat_arena_alloc(leat_arena *a, size_t size, size_t align)
{
    uintptr_t p = ((uintptr_t)a->at + (align - 1)) & ~(uintptr_t)(align - 1);
    uintptr_t end = (uintptr_t)a->end;
    if (a->at == NULL || p > end || size > end - p) return leat_arena_grow(a, size, align);
    a->at = (char *)(p + size);
    LEAT_ARENA_OPEN((void *)p, size);
    return (void *)p;
}

/* n objects of type T, cleared. */
#define LEAT_NEW(a, T, n) ((T *)leat_arena_zalloc((a), (size_t)(n), sizeof(T), _Alignof(T)))
void *leat_arena_zalloc(leat_arena *a, size_t n, size_t size, size_t align);

/* Copies; the text copies are NUL-terminated beyond len. */
void *leat_arena_dup(leat_arena *a, const void *p, size_t len);
char *leat_arena_strdup(leat_arena *a, const char *z);
leat_str leat_arena_str(leat_arena *a, leat_str s);
char *leat_arena_printf(leat_arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Names that come one by one; zeroed at first. */
typedef struct leat_arena_list {
    const char **v;
    size_t n, cap;
} leat_arena_list;
/* Adds a copy, all in a. */
void leat_arena_list_add(leat_arena_list *l, leat_arena *a, const char *name);

/* The heap for what outlives arenas: same rule, never NULL. */
void *leat_alloc(size_t size);
void *leat_zalloc(size_t n, size_t size);
void *leat_realloc(void *p, size_t size);
char *leat_strdup(const char *z);
void leat_free(void *p);
/* How the process ends when there is no memory: with this status instead of by abort. By one
 * thread, before there are others. */
void leat_heap_exit(int status);

#endif
