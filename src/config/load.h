/* Configuration files: Java properties and Kafka Connect's JSON.
 *
 * .properties: Java's format (comments # and !, = or : or blank, continuation lines, \uXXXX).
 * .json:
 * {"name":..., "config":{...}} as posted to Kafka Connect, a plain object of options, or an array
 * of either. ${env:NAME}, ${file:PATH:KEY} and ${dir:FOLDER:FILE} in values are Kafka Connect's
 * config providers; they are resolved by leat_config_resolve, in the process that uses the value.
 */
#ifndef LEAT_CONFIG_LOAD_H
#define LEAT_CONFIG_LOAD_H

#include "config/opt.h"

typedef struct leat_config {
    const char *name; /* option "name"; by default the file's name without its ending */
    leat_props props;
    struct leat_config *next;
} leat_config;

/* Reads a file; *out: the list of what it configures, in order. CONF with file and line. */
leat_rc leat_config_load(leat_arena *a, const char *path, leat_config **out, leat_err *e);
/* The two parsers, on text: for files, pipes and fuzzing. name: for messages and the default name.
 */
leat_rc leat_config_properties(leat_arena *a, leat_str text, const char *name, leat_config **out,
                               leat_err *e);
leat_rc leat_config_json(leat_arena *a, leat_str text, const char *name, leat_config **out,
                         leat_err *e);

/* Replaces each ${provider:path:key} of the values. CONF naming the option, never the value. */
leat_rc leat_config_resolve(leat_arena *a, leat_props *props, leat_err *e);

/* {"name":..., "config":{...}}; mask: secrets as "***". */
void leat_config_write(const leat_config *c, leat_opt_tables tables, bool mask, leat_buf *out);

#endif
