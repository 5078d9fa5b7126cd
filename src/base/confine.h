/* Bounds that a process sets itself and that hold whatever runs in it: memory by RLIMIT_DATA, of
 * the processor by a timer of its own time. For machines without control groups (base/group.h). */
#ifndef LEAT_BASE_CONFINE_H
#define LEAT_BASE_CONFINE_H

#include <stddef.h>
#include <stdint.h>

/* The process may have this much private memory that can be written, stacks of threads included;
 * threads that begin after this have stacks of 2 MiB. 0 or -errno; -ENOTSUP in builds with
 * sanitizers, whose own memory has no bound. */
int leat_confine_memory(size_t bytes);
/* Of one core, over seconds: the thread that takes more is put to sleep for as long as that takes.
 * (Before Linux 6.4 always the main thread.) 0 or -errno. Once a process. */
int leat_confine_cpu(int64_t percent);

#endif
