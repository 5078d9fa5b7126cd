/* base/arena: alignment, reuse after a reset, large pieces, what is held; the heap functions. */
#include "test.h"

#include "base/arena.h"

static void test_align(void **state)
{
    (void)state;
    leat_arena a = {0};
    for (size_t align = 1; align <= 4096; align *= 2)
        for (size_t size = 0; size < 70; size += 3) {
            char *p = leat_arena_alloc(&a, size, align);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % align, 0);
            memset(p, 0x5a, size);
        }
    leat_arena_free(&a);
    assert_int_equal(a.held, 0);
    int64_t *n = LEAT_NEW(&a, int64_t, 3);
    assert_int_equal(n[0] | n[1] | n[2], 0);
    leat_arena_free(&a);
}

/* Pieces of many sizes keep their content; a second round takes nothing from the system. */
static void test_rounds(void **state)
{
    (void)state;
    leat_arena a;
    leat_arena_init(&a, 256);
    assert_int_equal(a.held, 0);
    size_t held = 0;
    for (unsigned round = 0; round < 6; round++) {
        static unsigned char *piece[3000];
        static size_t size[3000];
        uint32_t seed = 12345;
        for (unsigned i = 0; i < 3000; i++) {
            seed = seed * 1103515245 + 12345;
            size[i] = (seed >> 8) % (i % 100 == 0 ? 100000 : 200);
            piece[i] = leat_arena_alloc(&a, size[i], 8);
            memset(piece[i], (int)(i & 0xff), size[i]);
        }
        for (unsigned i = 0; i < 3000; i++)
            for (size_t k = 0; k < size[i]; k += 50) assert_int_equal(piece[i][k], i & 0xff);
        if (round == 2) held = a.held;
        if (round > 2) assert_int_equal(a.held, held);
        leat_arena_reset(&a, SIZE_MAX);
        if (round > 2) assert_int_equal(a.held, held);
    }
    leat_arena_reset(&a, 10000);
    assert_true(a.held <= 10000);
    leat_arena_reset(&a, 0);
    assert_int_equal(a.held, 0);
    leat_arena_alloc(&a, 1, 1);
    assert_int_equal(a.held, 4096);
    leat_arena_free(&a);
}

/* A large piece gets its own block and does not end the filling of the current one. */
static void test_large(void **state)
{
    (void)state;
    leat_arena a = {0};
    char *small = leat_arena_alloc(&a, 8, 8);
    char *large = leat_arena_alloc(&a, 3 << 20, 8);
    memset(large, 1, 3 << 20);
    assert_ptr_equal(leat_arena_alloc(&a, 8, 8), small + 8);
    assert_true(a.held < (3 << 20) + 8192);
    leat_arena_free(&a);
}

static void test_copies(void **state)
{
    (void)state;
    leat_arena a = {0};
    assert_string_equal(leat_arena_strdup(&a, "text"), "text");
    leat_str s = leat_arena_str(&a, (leat_str){"text and more", 4});
    assert_int_equal(s.len, 4);
    assert_string_equal(s.s, "text");
    assert_null(leat_arena_str(&a, (leat_str){NULL, 0}).s);
    assert_string_equal(leat_arena_str(&a, LEAT_STR("")).s, "");
    assert_memory_equal(leat_arena_dup(&a, "\0\1\2", 3), "\0\1\2", 3);
    assert_non_null(leat_arena_dup(&a, NULL, 0));
    assert_string_equal(leat_arena_printf(&a, "%d %s", 7, "x"), "7 x");
    for (int n = 250; n < 262; n++) {
        char *text = leat_arena_printf(&a, "%0*d", n, 7);
        assert_int_equal(strlen(text), n);
        assert_int_equal(text[n - 1], '7');
    }
    leat_arena_free(&a);
}

static void test_heap(void **state)
{
    (void)state;
    char *p = leat_alloc(0);
    assert_non_null(p);
    p = leat_realloc(p, 10);
    memcpy(p, "123456789", 10);
    p = leat_realloc(p, 1000);
    assert_string_equal(p, "123456789");
    leat_free(p);
    int *n = leat_zalloc(4, sizeof(int));
    assert_int_equal(n[3], 0);
    leat_free(n);
    leat_free(leat_zalloc(0, 4));
    p = leat_strdup("text");
    assert_string_equal(p, "text");
    leat_free(p);
    leat_free(NULL);
}

static void count(void *arg)
{
    char *text = arg; /* the arena still holds it */
    text[strlen(text)] = '+';
}

static void test_defer(void **state)
{
    (void)state;
    leat_arena a = {0};
    static char seen[8];
    leat_arena_defer(&a, count, leat_arena_dup(&a, "x\0\0\0", 4));
    leat_arena_defer(&a, count, seen);
    leat_arena_defer(&a, count, seen);
    assert_string_equal(seen, "");
    leat_arena_reset(&a, SIZE_MAX);
    assert_string_equal(seen, "++");
    leat_arena_reset(&a, 0); /* once each */
    leat_arena_defer(&a, count, seen);
    leat_arena_free(&a);
    assert_string_equal(seen, "+++");
    leat_arena_free(&a);
    assert_string_equal(seen, "+++");
}

#ifdef LEAT_ARENA_ASAN
static void test_poison(void **state)
{
    (void)state;
    leat_arena a = {0};
    char *p = leat_arena_alloc(&a, 16, 8);
    assert_false(__asan_address_is_poisoned(p + 15));
    assert_true(__asan_address_is_poisoned(p + 16));
    leat_arena_reset(&a, SIZE_MAX);
    assert_true(__asan_address_is_poisoned(p));
    leat_arena_free(&a);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_align),  cmocka_unit_test(test_rounds), cmocka_unit_test(test_large),
        cmocka_unit_test(test_copies), cmocka_unit_test(test_heap),   cmocka_unit_test(test_defer),
#ifdef LEAT_ARENA_ASAN
        cmocka_unit_test(test_poison),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
