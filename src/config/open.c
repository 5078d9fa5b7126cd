/* The files of a command line (config/open.h).
 *
 * As connect-standalone is called: the worker's file and the connectors', here in any order. A
 * worker's file is known by what only it can hold; one of Debezium Server's by its prefixes. */
#include "config/open.h"

#include "config/dbzserver.h"
#include "config/worker.h"

leat_rc leat_open_file(leat_arena *a, leat_open *o, const char *path, leat_config **out,
                       leat_err *e)
{
    *out = NULL;
    leat_config *config = NULL;
    LEAT_TRY(leat_config_load(a, path, &config, e));
    if (leat_dbzserver_is(&config->props)) {
        leat_config *read = LEAT_NEW(a, leat_config, 1);
        leat_dbzserver_read(a, &config->props, o->env, o->strict, read);
        const char *name = leat_props_get(&read->props, "name");
        if (!name || !*name) name = config->name;
        leat_props_set(&read->props, a, LEAT_STR("name"), leat_str_of(name), 0);
        read->name = leat_props_get(&read->props, "name");
        *out = read;
        return LEAT_OK;
    }
    if (config->next || !leat_worker_is(&config->props)) {
        *out = config;
        return LEAT_OK;
    }
    if (o->worker)
        return leat_fail(e, LEAT_CONF, "config.worker", path,
                         "this is a worker's configuration, and so is %s: one is enough",
                         o->worker_file);
    o->worker = &config->props;
    o->worker_file = path;
    return LEAT_OK;
}

void leat_open_finish(leat_arena *a, const leat_open *o, leat_config *config)
{
    bool own = config->worker != NULL;
    if (!own && !o->worker && !o->kafka) return;
    if (!config->told) {
        config->told = LEAT_NEW(a, leat_report, 1);
        leat_report_init(config->told, a);
    }
    if (!own) {
        config->worker = LEAT_NEW(a, leat_props, 1);
        leat_props_init(config->worker, o->worker ? o->worker->file : NULL);
        for (const leat_prop *p = o->worker ? o->worker->first : NULL; p; p = p->next)
            if (strcmp(p->name, "name") != 0) /* the loader's, from the file's name */
                leat_props_set(config->worker, a, leat_str_of(p->name), leat_str_of(p->value),
                               p->line);
        leat_worker_inherit(config->worker, &config->props, a, config->told);
    }
    if (o->kafka)
        leat_props_set(config->worker, a, LEAT_STR("bootstrap.servers"), leat_str_of(o->kafka), 0);
}
