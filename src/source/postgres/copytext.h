/* Rows as COPY ... TO STDOUT sends them in text form. Pure. */
#ifndef LEAT_SOURCE_POSTGRES_COPYTEXT_H
#define LEAT_SOURCE_POSTGRES_COPYTEXT_H

#include "base/str.h"

/* Takes the next column off *rest (which holds the row without its newline; NULL behind the last)
 * and undoes its escapes in place: the text is as long or shorter. *out is absent for NULL. False:
 * a backslash stands alone at the end. */
bool leat_pg_copy_column(char **rest, char *end, leat_str *out);

#endif
