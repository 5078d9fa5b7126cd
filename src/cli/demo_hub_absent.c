/* leat demo in a build without a hub: there is no page. */
#include "cli/demo.h"

const char *leat_demo_listen(const char *given, leat_arena *a)
{
    (void)given;
    (void)a;
    return NULL;
}

int leat_demo_hub(const leat_demo_lab *lab)
{
    (void)lab;
    return 1;
}
