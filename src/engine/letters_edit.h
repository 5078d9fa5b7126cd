/* What a person wants otherwise in a dead letter's row. Pure. */
#ifndef LEAT_ENGINE_LETTERS_EDIT_H
#define LEAT_ENGINE_LETTERS_EDIT_H

#include "base/json.h"
#include "event/event.h"

/* Puts the members of edit (an object, column: value) into the event's new row, in a. Values are
 * written as `leat read` shows them; decimals as text or numbers, bytes in base64. CONF
 * "dead_letter.edit" names the column, what was expected and what is there. */
leat_rc leat_letters_patch(leat_event *ev, const leat_json *edit, leat_arena *a, leat_err *e);

#endif
