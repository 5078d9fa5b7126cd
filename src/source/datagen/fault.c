/* Faults of a driver; see the header. */
#include "source/datagen/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>

#include "base/arena.h"

enum { LEAK_BYTES = 4 << 20, PAGE_BYTES = 4096 };

/* Reachable, so that it is no fault of the program's that a leak checker would tell. */
static char *leaked;

static void leak(void)
{
    char *more = leat_alloc(LEAK_BYTES);
    for (size_t i = 0; i < LEAK_BYTES; i += PAGE_BYTES) more[i] = 1;
    *(char **)(void *)more = leaked;
    leaked = more;
}

static void spin(void)
{
    for (volatile uint64_t n = 0;; n++) continue;
}

static void deadlock(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    for (;;) pthread_mutex_lock(&mutex);
}

void leat_datagen_go_wrong(leat_datagen_fault fault)
{
    switch (fault) {
    case LEAT_DATAGEN_LEAK: leak(); break;
    case LEAT_DATAGEN_SPIN: spin(); break;
    case LEAT_DATAGEN_DEADLOCK: deadlock(); break;
    case LEAT_DATAGEN_CRASH: raise(SIGSEGV); break;
    default: break;
    }
}
