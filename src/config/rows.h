/* Rows of option tables that hold the properties of another product: the property's name is the
 * label, too, and most rows only say that it has no effect here, or is missing.
 *
 * Only macros. A table's file includes this and defines ROWS_OF, the conf struct, and ROWS_GROUP,
 * the group of its rows. */
#ifndef LEAT_CONFIG_ROWS_H
#define LEAT_CONFIG_ROWS_H

#include "config/opt.h"

#define AT(field, type) .off = LEAT_OPT_AT(ROWS_OF, field, type)

/* Without a place in the struct: the whole value is looked at elsewhere, or not at all. */
#define ROW(option, default_value, kind, flag, text)                                               \
    {                                                                                              \
        .name = option, .label = option, .group = ROWS_GROUP, .type = kind,                        \
        .flags = (flag) | LEAT_OPT_ADVANCED, .def = default_value, .help = text                    \
    }
#define IGNORED(option, def, text) ROW(option, def, LEAT_OPT_STR, LEAT_OPT_NO_EFFECT, text)
#define IGNORED_ALL(option, text) ROW(option, NULL, LEAT_OPT_MANY, LEAT_OPT_NO_EFFECT, text)
#define MISSING(option, def, text) ROW(option, def, LEAT_OPT_STR, LEAT_OPT_MISSING, text)

/* With a place: a const char *, a leat_opt_many, an int64_t. */
#define TEXT(option, field, default_value, flag, text)                                             \
    {                                                                                              \
        .name = option, .label = option, .group = ROWS_GROUP, .type = LEAT_OPT_STR,                \
        .flags = (flag), AT(field, const char *), .def = default_value, .help = text               \
    }
#define MANY(option, field, flag, text)                                                            \
    {                                                                                              \
        .name = option, .label = option, .group = ROWS_GROUP, .type = LEAT_OPT_MANY,               \
        .flags = (flag), AT(field, leat_opt_many), .help = text                                    \
    }
#define NUMBER(option, field, kind, default_value, least, most, text)                              \
    {                                                                                              \
        .name = option, .label = option, .group = ROWS_GROUP, .type = kind,                        \
        .flags = LEAT_OPT_ADVANCED, AT(field, int64_t), .def = default_value, .min = least,        \
        .max = most, .help = text                                                                  \
    }

#endif
