/* What the parts of the JSON reader share: json_read.c (texts and schemas), json_read_value.c. Not
 * for others. */
#ifndef LEAT_CONVERT_JSON_READ_PART_H
#define LEAT_CONVERT_JSON_READ_PART_H

#include "convert/json_read.h"

/* One value by its schema, or without one; j NULL: it is missing. defaults: a null is the schema's
 * default where it has one. Everything in a. DATA "convert.read". */
leat_rc leat_json_read_value(leat_arena *a, const leat_schema *s, const leat_json *j, bool defaults,
                             leat_value *out, leat_err *e);

#endif
