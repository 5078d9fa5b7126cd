/* Any bytes as an application.properties with an environment: nothing that it names gets lost
 * without a word, and expressions come to an end. */
#include "fuzz.h"

#include <ctype.h>
#include <stdlib.h>

#include "config/dbzserver.h"

/* Of the character, in the name of the variable that sets the option. */
static char in_variable(char c)
{
    return isalnum((unsigned char)c) ? (char)toupper((unsigned char)c) : '_';
}

/* The variable sets another option of the file than a.b, such as debezium.source.a-b. */
static bool is_anothers(const leat_props *file, const char *variable)
{
    for (const leat_prop *p = file->first; p; p = p->next) {
        size_t i = 0;
        if (strncmp(p->name, "debezium.", 9) != 0) continue;
        while (variable[i] && variable[i] == in_variable(p->name[i])) i++;
        if (!variable[i] && !p->name[i]) return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const env[] = {"DEBEZIUM_SOURCE_A_B=c", "X=1", "QUARKUS_PROFILE=dev,b", "no",
                                      NULL};
    leat_arena a;
    leat_err e;
    leat_props file;
    leat_config config = {0};
    leat_arena_init(&a, 0);
    leat_props_init(&file, "fuzz");
    if (leat_props_read(&a, (leat_str){(const char *)data, size}, &file, &e) == LEAT_OK) {
        leat_dbzserver_read(&a, &file, env, size % 2 == 0, &config);
        if (!leat_props_get(&config.props, "a.b") && !is_anothers(&file, "DEBEZIUM_SOURCE_A_B"))
            abort();
        if (!leat_props_get(&config.props, "key.converter")) abort();
    }
    leat_arena_free(&a);
    return 0;
}
