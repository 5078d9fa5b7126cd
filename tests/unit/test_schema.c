/* event/schema: names and their meanings, copies, equality of every part. */
#include "../test.h"

#include "event/schema.h"

static void test_logical(void **state)
{
    (void)state;
    assert_int_equal(leat_schema_logical(NULL), LEAT_L_NONE);
    assert_int_equal(leat_schema_logical("shop.public.t.Value"), LEAT_L_OTHER);
    assert_int_equal(leat_schema_logical("io.debezium.data.Bits"), LEAT_L_BITS);
    assert_int_equal(leat_schema_logical("io.debezium.data.Json"), LEAT_L_JSON);
    assert_int_equal(leat_schema_logical("io.debezium.time.Date"), LEAT_L_DATE);
    assert_int_equal(leat_schema_logical("io.debezium.time.IsoTimestamp"), LEAT_L_ISO_TIMESTAMP);
    assert_int_equal(leat_schema_logical("io.debezium.time.ZonedTimestamp"),
                     LEAT_L_ZONED_TIMESTAMP);
    assert_int_equal(leat_schema_logical("org.apache.kafka.connect.data.Date"),
                     LEAT_L_CONNECT_DATE);
    assert_int_equal(leat_schema_logical("org.apache.kafka.connect.data.Timestamp"),
                     LEAT_L_CONNECT_TIMESTAMP);
}

static void test_params(void **state)
{
    (void)state;
    leat_arena a = {0};
    leat_schema *s =
        leat_schema_named(&a, LEAT_T_BYTES, true, "org.apache.kafka.connect.data.Decimal", 1);
    assert_null(leat_schema_param_get(s, "scale"));
    leat_schema_param(&a, s, "scale", "2");
    leat_schema_param(&a, s, "connect.decimal.precision", "10");
    assert_string_equal(leat_schema_param_get(s, "scale"), "2");
    assert_string_equal(leat_schema_param_get(s, "connect.decimal.precision"), "10");
    assert_int_equal(s->nparams, 2);
    assert_string_equal(s->params[0].key, "scale");
    assert_int_equal(s->logical, LEAT_L_DECIMAL);
    leat_arena_free(&a);
}

/* A struct with one of everything. */
static leat_schema *rich(leat_arena *a)
{
    leat_schema *s = leat_schema_struct(a, true, "a.b.Value", 3, 3);
    leat_schema *map = leat_schema_new(a, LEAT_T_MAP, false);
    map->key = leat_schema_new(a, LEAT_T_STRING, false);
    map->elem = leat_schema_array(a, true, leat_schema_new(a, LEAT_T_INT32, true));
    leat_schema *text = leat_schema_named(a, LEAT_T_STRING, true, "io.debezium.data.Json", 1);
    leat_value *def = LEAT_NEW(a, leat_value, 1);
    *def = leat_text(leat_arena_str(a, LEAT_STR("{}")));
    text->def = def;
    text->doc = leat_arena_strdup(a, "a comment");
    text->digits = 6;
    leat_schema_param(a, text, "k", "v");
    const leat_field fields[] = {{"map", map}, {"text", text}, {"n", text}};
    s->fields = leat_arena_dup(a, fields, sizeof(fields));
    return s;
}

static void test_copy(void **state)
{
    (void)state;
    leat_arena a = {0}, b = {0};
    const leat_schema *copy = leat_schema_copy(&b, rich(&a));
    assert_true(leat_schema_eq(copy, rich(&a)));
    leat_arena_free(&a); /* nothing of the copy was in there */
    assert_string_equal(copy->name, "a.b.Value");
    assert_string_equal(copy->fields[1].schema->doc, "a comment");
    assert_memory_equal(copy->fields[1].schema->def->u.s, "{}", 2);
    assert_int_equal(leat_schema_field(copy, LEAT_STR("text")), 1);
    assert_int_equal(leat_schema_field(copy, LEAT_STR("tex")), -1);
    assert_int_equal(copy->fields[0].schema->elem->elem->type, LEAT_T_INT32);
    leat_arena_free(&b);
}

/* Every member of a schema makes a difference. */
static void test_eq(void **state)
{
    (void)state;
    leat_arena a = {0};
    const leat_schema *s = rich(&a);
    static const leat_param other = {"k", "w"};
    for (int i = 0; i < 13; i++) {
        leat_schema *top = rich(&a);
        leat_schema *text = (leat_schema *)(uintptr_t)top->fields[1].schema;
        leat_schema *map = (leat_schema *)(uintptr_t)top->fields[0].schema;
        switch (i) {
        case 0: top->optional = false; break;
        case 1: top->version = 4; break;
        case 2: top->name = "a.c.Value"; break;
        case 3: top->name = NULL; break;
        case 4: top->nfields = 2; break;
        case 5: text->doc = NULL; break;
        case 6: text->digits = 3; break;
        case 7: text->logical = LEAT_L_JSON_MAP; break;
        case 8: text->def = NULL; break;
        case 9: leat_schema_param(&a, text, "k2", "v"); break;
        case 10: text->params = &other; break;
        case 11: map->elem = NULL; break;
        default: ((leat_schema *)(uintptr_t)map->key)->type = LEAT_T_INT8; break;
        }
        assert_false(leat_schema_eq(s, top));
        assert_false(leat_schema_eq(top, s));
    }
    assert_true(leat_schema_eq(s, rich(&a)));
    leat_arena_free(&a);
}

static void test_type_names(void **state)
{
    (void)state;
    assert_string_equal(leat_type_name(LEAT_T_INT8), "int8");
    assert_string_equal(leat_type_name(LEAT_T_FLOAT32), "float");
    assert_string_equal(leat_type_name(LEAT_T_FLOAT64), "double");
    assert_string_equal(leat_type_name(LEAT_T_STRUCT), "struct");
    assert_string_equal(leat_type_name((leat_type)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logical),    cmocka_unit_test(test_params),
        cmocka_unit_test(test_copy),       cmocka_unit_test(test_eq),
        cmocka_unit_test(test_type_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
