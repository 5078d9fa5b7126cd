/* Why a connector does what it does, for a person, from its status (engine/look.h). */
#ifndef LEAT_ENGINE_WHY_H
#define LEAT_ENGINE_WHY_H

#include "base/json.h"
#include "stream/page.h"

/* Appends one paragraph, without a newline. */
void leat_why_write(const char *name, const leat_json *status, leat_buf *out);
/* What holds it up: "the source", "the stream's appender", "the disk", "a person" ...; NULL:
 * nothing does. */
const char *leat_why_stage(const leat_json *status);
/* Which stage an error with this code is of; NONE: that of the connector's own system. */
leat_stage leat_why_stage_of(const char *code);

#endif
