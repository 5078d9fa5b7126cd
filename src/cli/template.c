/* leat plugins NAME --template: an almost ready configuration on standard output, to be redirected
 * into a file (engine/template.h). */
#include "cli/template.h"

#include <stdio.h>

#include "cli/connection.h"
#include "engine/template.h"
#include "sink/sink.h"

int leat_cli_template(const char *command, const char *data, const char *const *words, int n,
                      const char *connection)
{
    leat_template_format format = LEAT_TEMPLATE_PROPERTIES;
    leat_connection k;
    leat_arena a = {0};
    leat_err err = {0};
    leat_buf out = {0};
    if (n == 0) return leat_cli_usage(command, "--template: name a connector");
    if (n > 1 && !leat_template_format_of(leat_str_of(words[1]), &format))
        return leat_cli_usage(command, "--template: expected properties, json or sql, got \"%s\"",
                              words[1]);
    leat_str klass = leat_str_of(words[0]);
    const leat_source *source = leat_source_find(klass);
    const leat_sink *sink = source ? NULL : leat_sink_find(klass);
    const char *name = source ? source->name : sink ? sink->name : words[0];
    leat_rc rc = connection ? leat_connection_load(data, connection, &a, &k, &err) : LEAT_OK;
    if (rc == LEAT_OK) rc = leat_template_write(name, connection ? &k : NULL, format, &out, &err);
    if (rc == LEAT_OK) printf("%.*s", LEAT_STR_ARG(leat_buf_str(&out)));
    leat_buf_free(&out);
    leat_arena_free(&a);
    return rc == LEAT_OK ? LEAT_EXIT_OK : leat_cli_fail(&err);
}
