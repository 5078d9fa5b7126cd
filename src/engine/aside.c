/* A thread for one call after another; see the header. One lock, which guards the call. */
#include "engine/aside.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/os.h"

struct leat_aside {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void (*fn)(void *arg); /* runs, or is to run; NULL: nothing */
    void *arg;
    bool quit;
};

static void *work(void *arg)
{
    leat_aside *x = arg;
    pthread_mutex_lock(&x->lock);
    for (;;) {
        while (!x->fn && !x->quit) pthread_cond_wait(&x->changed, &x->lock);
        if (!x->fn) break;
        pthread_mutex_unlock(&x->lock);
        x->fn(x->arg);
        pthread_mutex_lock(&x->lock);
        x->fn = NULL;
        pthread_cond_broadcast(&x->changed);
    }
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

leat_rc leat_aside_new(leat_aside **out, leat_err *e)
{
    leat_aside *x = leat_zalloc(1, sizeof *x);
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->changed, NULL);
    int err = pthread_create(&x->thread, NULL, work, x);
    if (err == 0) {
        *out = x;
        return LEAT_OK;
    }
    pthread_cond_destroy(&x->changed);
    pthread_mutex_destroy(&x->lock);
    leat_free(x);
    return leat_os_fail(e, err, "start a thread for", "reading records");
}

void leat_aside_free(leat_aside *x)
{
    if (!x) return;
    pthread_mutex_lock(&x->lock);
    x->quit = true;
    pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->lock);
    pthread_join(x->thread, NULL);
    pthread_cond_destroy(&x->changed);
    pthread_mutex_destroy(&x->lock);
    leat_free(x);
}

void leat_aside_run(leat_aside *x, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&x->lock);
    x->fn = fn;
    x->arg = arg;
    pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->lock);
}

void leat_aside_wait(leat_aside *x)
{
    pthread_mutex_lock(&x->lock);
    while (x->fn) pthread_cond_wait(&x->changed, &x->lock);
    pthread_mutex_unlock(&x->lock);
}
