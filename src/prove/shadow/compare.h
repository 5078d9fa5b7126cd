/* Two records, member by member: key, value, headers, and the schemas where both have them.
 *
 * Pure. JSON trees are compared: the order of members, the digits of numbers, the text of strings.
 */
#ifndef LEAT_PROVE_SHADOW_COMPARE_H
#define LEAT_PROVE_SHADOW_COMPARE_H

#include "prove/shadow/record.h"

/* A place where they differ; NULL: not there. Borrowed for the call. */
typedef void (*leat_shadow_found)(void *arg, const char *path, const leat_json *leat,
                                  const leat_json *debezium);

/* Calls found for each place that differs, whatever the rules say. Where one side has schemas and
 * the other has none, the payloads are compared. DATA "shadow.json". */
leat_rc leat_shadow_compare(const leat_shadow_text *leat, const leat_shadow_text *debezium,
                            leat_arena *a, leat_shadow_found found, void *arg, leat_err *e);

#endif
