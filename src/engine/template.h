/* Templates: an almost ready configuration for a connector, as a file that can be run, perhaps
 * filled from a connection. Pure, but for the connection, which is read already; any thread. */
#ifndef LEAT_ENGINE_TEMPLATE_H
#define LEAT_ENGINE_TEMPLATE_H

#include "engine/connection.h"

typedef enum leat_template_format {
    LEAT_TEMPLATE_PROPERTIES,
    LEAT_TEMPLATE_JSON, /* as posted to Kafka Connect */
    LEAT_TEMPLATE_SQL,  /* CREATE SOURCE|SINK CONNECTOR */
} leat_template_format;

/* "properties", "json", "sql"; false: none of them. */
bool leat_template_format_of(leat_str word, leat_template_format *out);

/* Of the connector that leat_source.name or leat_sink.name is. k: the connection it is to use, by
 * its name alone; NULL: the options of address and log-in stand there, to be filled in. CONF
 * "template.none": the connector has no template; "template.system": k is of another system. */
leat_rc leat_template_write(const char *connector, const leat_connection *k,
                            leat_template_format format, leat_buf *out, leat_err *e);

#endif
