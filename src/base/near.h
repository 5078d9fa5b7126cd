/* Names that were probably meant: how far two texts are apart. Pure. */
#ifndef LEAT_BASE_NEAR_H
#define LEAT_BASE_NEAR_H

#include "base/str.h"

/* A letter of ASCII in lower case; "_" and "-" as ".", so that table_include_list is near. */
char leat_near_plain(char c);
/* Edit distance (insert, delete, change, swap neighbours) of the two as plain characters; 99 where
 * one has more than 130 bytes. */
unsigned leat_near(leat_str x, leat_str y);
/* From so many differences on it is no typing error. */
unsigned leat_near_limit(leat_str name);

#endif
