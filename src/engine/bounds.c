/* Which bounds a process gets; see the header.
 *
 * Without a control group the processor's bound is a quarter above limits.cpu: a source that only
 * has much to read waits by itself before (engine/budget.h), so that nothing is held in the middle
 * of its work. */
#include "engine/bounds.h"

#include <errno.h>

#include "base/confine.h"
#include "base/group.h"
#include "base/log.h"
#include "base/os.h"
#include "hub/supervisor.h"

#define DRIVERS_MEMORY ((size_t)2304 << 20)

static size_t memory_of(const leat_connector_conf *conf)
{
    if (conf->process_memory > 0) return (size_t)conf->process_memory;
    return (size_t)(conf->memory + conf->memory / 4) + DRIVERS_MEMORY;
}

static void warn(int err, const char *option)
{
    if (err < 0)
        leat_log(LEAT_WARN, "limits.unbounded", "option=%s the system does not set it: %s", option,
                 leat_os_strerror(err));
}

void leat_bounds_set(const leat_connector_conf *conf)
{
    leat_group_bounds bounds = {.memory = memory_of(conf), .cpu_percent = conf->cpu_percent};
    leat_heap_exit(LEAT_CHILD_MEMORY);
    int err = leat_group_enter(conf->name, &bounds);
    leat_log(LEAT_INFO, "limits.set", "by=%s memory_mib=%zu cpu_percent=%lld",
             err == 0 ? "cgroup" : "rlimit", bounds.memory >> 20, (long long)conf->cpu_percent);
    if (err == 0) return;
    if (err != -ENOENT) warn(err, "limits.*");
    err = leat_confine_memory(bounds.memory);
    if (err != -ENOTSUP) warn(err, "limits.process.memory");
    if (conf->cpu_percent > 0)
        warn(leat_confine_cpu(conf->cpu_percent + conf->cpu_percent / 4), "limits.cpu");
}
