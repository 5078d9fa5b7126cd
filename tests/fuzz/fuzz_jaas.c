/* sasl.jaas.config as somebody may have typed it, and keys of the offset topic. */
#include "fuzz.h"

#include "stream/kafka/jaas.h"
#include "stream/kafka/offsets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a;
    leat_kafka_jaas j;
    leat_err e;
    bool mine;
    leat_str partition, text = {(const char *)data, size};
    leat_arena_init(&a, 0);
    if (leat_kafka_jaas_parse(text, &a, &j, &e) == LEAT_OK && !leat_kafka_jaas_module(&j))
        __builtin_trap();
    leat_kafka_offsets_key_read(text, "c", &a, &mine, &partition);
    leat_arena_free(&a);
    return 0;
}
