/* Control groups (cgroup v2): hard bounds of memory and processor that the kernel keeps for a
 * process and all it starts.
 *
 * The service manager gives the hub a group of its own (systemd: Delegate=cpu memory). The hub
 * moves itself into a leaf below it and lets the others have bounds; each connector's process then
 * makes one beside it and enters it. Where that is not allowed everything fails with -errno, and
 * nothing has changed. */
#ifndef LEAT_BASE_GROUP_H
#define LEAT_BASE_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct leat_group_bounds {
    size_t memory;       /* bytes; 0: none */
    int64_t cpu_percent; /* of one core; 0: none */
} leat_group_bounds;

/* Where groups are looked for; a test has them elsewhere. NULL: as the system has them. */
void leat_group_root(const char *mount, const char *self);

/* The calling process, which has no threads yet, enters a leaf "hub" of its group, and the
 * controllers are let through to others beside it. 0 or -errno; -ENOENT: there is no cgroup v2, or
 * it has not both controllers; -EACCES and its like: it is not ours to divide. */
int leat_group_prepare(void);
/* The calling process enters the leaf of a connector, which is made or found. -ENOENT when nobody
 * prepared it. */
int leat_group_enter(const char *connector, const leat_group_bounds *bounds);
/* How often the kernel has ended a process of that leaf because its memory was used up; -1:
 * unknown. */
int64_t leat_group_killed(const char *connector);
/* Removes it, once nothing is left in it. */
void leat_group_remove(const char *connector);

#endif
