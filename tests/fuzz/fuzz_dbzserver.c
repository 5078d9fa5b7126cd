/* Any bytes as an application.properties with an environment: nothing that it names gets lost
 * without a word, and expressions come to an end. */
#include "fuzz.h"

#include <stdlib.h>

#include "config/dbzserver.h"

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
        if (!leat_props_get(&config.props, "a.b")) abort();
        if (!leat_props_get(&config.props, "key.converter")) abort();
    }
    leat_arena_free(&a);
    return 0;
}
