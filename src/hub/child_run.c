/* The configuration comes in a memory file that the supervisor left (child.c), with the keys of its
 * sealed values if they are not in a file, and the supervisor's pid: it is closed before anything
 * else is done. */
#include "hub/child_run.h"

#include "base/log.h"
#include "base/os.h"
#include "config/seal.h"
#include "hub/supervisor.h"

enum { CONFIG_MAX_BYTES = 16 << 20 };

static leat_rc inherited(leat_arena *a, const char *name, int fd, leat_config **config,
                         int *supervisor, leat_err *e)
{
    int64_t size = leat_os_now()->size(fd);
    if (size <= 0 || size > CONFIG_MAX_BYTES)
        return leat_fail(e, LEAT_CONF, "config.inherited", name,
                         "there is no configuration on descriptor %d: this command is for "
                         "'leat run', which starts it",
                         fd);
    char *text = leat_arena_alloc(a, (size_t)size, 1);
    int64_t n = leat_os_read_all(fd, text, (size_t)size, 0);
    leat_os_now()->close(fd);
    if (n < 0) return leat_os_fail(e, (int)n, "read the configuration of", name);
    leat_str rest = {text, (size_t)n}, json = leat_str_cut(&rest, 0);
    leat_str keys = leat_str_cut(&rest, 0);
    int64_t pid = 0;
    if (keys.s) LEAT_TRY(leat_seal_hand(keys, e));
    if (rest.s && leat_str_i64(rest, &pid)) *supervisor = (int)pid;
    return leat_config_json(a, json, name, config, e);
}

int leat_child_run(const leat_process_conf *conf, int config)
{
    leat_arena a = {0};
    leat_config *read = NULL;
    leat_process_conf mine = *conf;
    leat_err err = {0};
    int status;
    if (leat_rc_failed(inherited(&a, conf->name, config, &read, &mine.supervisor, &err))) {
        leat_log_err(LEAT_ERROR, &err);
        status = err.rc == LEAT_RETRY ? LEAT_CHILD_RESTART : LEAT_CHILD_CONFIG;
    } else {
        mine.config = read;
        mine.name = read->name;
        status = leat_process_run(&mine);
    }
    leat_arena_free(&a);
    return status;
}
