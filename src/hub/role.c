/* Names of roles. Any thread. */
#include "hub/access.h"

static const char *const NAMES[] = {"none", "none", "viewer", "operator", "admin"};

const char *leat_role_name(leat_role role)
{
    return NAMES[role];
}

bool leat_role_parse(leat_str text, leat_role *out)
{
    for (int i = LEAT_ROLE_VIEWER; i <= LEAT_ROLE_ADMIN; i++) {
        if (!leat_str_is(text, NAMES[i])) continue;
        *out = (leat_role)i;
        return true;
    }
    return false;
}
