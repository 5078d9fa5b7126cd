/* Configuration files: Java properties and Kafka Connect's JSON.
 *
 * .properties: Java's format (comments # and !, = or : or blank, continuation lines, \uXXXX).
 * .json:
 * {"name":..., "config":{...}} as posted to Kafka Connect, a plain object of options, or an array
 * of either; beside "config" a "worker":{...} may stand, as leat_config_write writes it; a value
 * that is a number or boolean is taken as its text, null as not set, an object or list is an error.
 * ${env:NAME}, ${file:PATH:KEY} and ${dir:FOLDER:FILE} in values are Kafka Connect's config
 * providers; they are resolved by leat_config_resolve, in the process that uses the value. */
#ifndef LEAT_CONFIG_LOAD_H
#define LEAT_CONFIG_LOAD_H

#include "config/opt.h"

typedef struct leat_config {
    const char *name; /* option "name" (always in props too); by default the file's name without its
                         ending */
    leat_props props;
    leat_props *worker; /* of Kafka Connect's worker that it would run on (config/worker.h); NULL:
                           none */
    leat_report *told;  /* problems found on the way here; NULL: none */
    struct leat_config *next;
} leat_config;

/* Java's format alone: the lines of text into props (whose file is named in messages), a later line
 * replacing an earlier one of the same name. CONF "config.syntax" with file and line. */
leat_rc leat_props_read(leat_arena *a, leat_str text, leat_props *props, leat_err *e);

/* Reads a file (by its ending .json, else properties; at most 1 MiB); *out: the list of what it
 * configures, in order. CONF with file and line. */
leat_rc leat_config_load(leat_arena *a, const char *path, leat_config **out, leat_err *e);
/* The two parsers, on text: for files, pipes and fuzzing. name: for messages and the default name.
 */
leat_rc leat_config_properties(leat_arena *a, leat_str text, const char *name, leat_config **out,
                               leat_err *e);
leat_rc leat_config_json(leat_arena *a, leat_str text, const char *name, leat_config **out,
                         leat_err *e);

/* Replaces each ${provider:path:key} of the values. CONF "config.provider" naming the option and
 * the reference, never the value. */
leat_rc leat_config_resolve(leat_arena *a, leat_props *props, leat_err *e);

/* {"name":..., "worker":{...}, "config":{...}}; mask: secrets as "***". */
void leat_config_write(const leat_config *c, leat_opt_tables tables, bool mask, leat_buf *out);

#endif
