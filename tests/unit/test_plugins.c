/* leat plugins: list, one connector, JSON, and pages of which a part is generated. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/os.h"
#include "cli/cli.h"

static char folder[64];
static leat_buf out; /* what the command printed, NUL-ended */

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/leat-plugins-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static bool unlink_it(void *arg, const char *name)
{
    char path[512];
    (void)arg;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    return true;
}

static int teardown(void **state)
{
    (void)state;
    leat_os_now()->list(folder, unlink_it, NULL);
    rmdir(folder);
    leat_buf_free(&out);
    return 0;
}

/* Runs the command with its standard output, and standard error, into out; gives its status. */
static int run(const char *word1, const char *word2)
{
    char *argv[] = {(char *)"plugins", (char *)word1, (char *)word2, NULL};
    char path[128];
    snprintf(path, sizeof path, "%s/stdout", folder);
    fflush(stdout);
    fflush(stderr);
    int saved1 = dup(1), saved2 = dup(2);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    dup2(fileno(f), 1);
    dup2(fileno(f), 2);
    int status = leat_cli_plugins(word1 ? word2 ? 3 : 2 : 1, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(saved1, 1);
    dup2(saved2, 2);
    close(saved1);
    close(saved2);
    fclose(f);
    leat_buf_clear(&out);
    leat_os_load(path, &out, 16 << 20);
    leat_buf_u8(&out, 0);
    unlink(path);
    return status;
}

#define HAS(part)                                                                                  \
    do {                                                                                           \
        if (strstr(out.p, (part)) == NULL) fail_msg("\"%s\" is not in: %.2000s", (part), out.p);   \
    } while (0)

static void test_list(void **state)
{
    (void)state;
    assert_int_equal(run(NULL, NULL), LEAT_EXIT_OK);
    HAS("datagen          source   Data generator\n");
    HAS("null             sink     Null\n");
    assert_int_equal(run("datagen", NULL), LEAT_EXIT_OK);
    HAS("datagen (source): Data generator\n");
    HAS("  datagen.rate (int, default 1000)\n      Changes a second.");
    assert_int_equal(run("common", NULL), LEAT_EXIT_OK);
    HAS("  tasks.max (int, default 1)");
    assert_int_equal(run("nothing", NULL), LEAT_EXIT_USAGE);
    HAS("there is no connector \"nothing\"");
    assert_int_equal(run("null", "datagen"), LEAT_EXIT_USAGE);
}

static void test_json(void **state)
{
    (void)state;
    leat_arena a;
    const leat_json *j;
    leat_arena_init(&a, 0);
    assert_int_equal(run("--json", NULL), LEAT_EXIT_OK);
    assert_int_equal(leat_json_parse(&a, leat_str_of(out.p), &j, NULL), LEAT_OK);
    bool seen = false;
    for (const leat_json *p = j->child; p; p = p->next) {
        if (!leat_str_is(leat_json_get_str(p, "name"), "datagen")) continue;
        seen = true;
        assert_true(leat_str_is(leat_json_get_str(p, "kind"), "source"));
        assert_non_null(leat_json_get(p, "options")->child);
    }
    assert_true(seen);
    assert_int_equal(run("--json", "null"), LEAT_EXIT_OK);
    assert_int_equal(leat_json_parse(&a, leat_str_of(out.p), &j, NULL), LEAT_OK);
    assert_null(j->child->next);
    assert_int_equal(run("--json", "common"), LEAT_EXIT_OK);
    assert_int_equal(leat_json_parse(&a, leat_str_of(out.p), &j, NULL), LEAT_OK);
    assert_null(j->child->next);
    leat_arena_free(&a);
}

/* The page of a connector into out. */
static void load(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    leat_buf_clear(&out);
    assert_int_equal(leat_os_load(path, &out, 1 << 20) < 0, 0);
    leat_buf_u8(&out, 0);
}

static void store(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(leat_os_store(path, leat_str_of(text), 0644), 0);
}

static void test_markdown(void **state)
{
    (void)state;
    assert_int_equal(run("--markdown", folder), LEAT_EXIT_OK);
    assert_string_equal(out.p, "");
    load("datagen.md");
    HAS("# Data generator\n\n<!-- What follows is written by make docs");
    HAS("## As a source\n\nMakes changes up");
    HAS("| `datagen.rate` | int | `1000` | Changes a second.");
    char *first = strdup(out.p);

    /* What people wrote stays, what is between the marks is put right. */
    char *text = malloc(strlen(first) + 200);
    char *begin = strstr(first, "<!-- What"), *end = strstr(first, "<!-- End");
    char *second = strchr(begin, '\n') + 1;
    snprintf(text, strlen(first) + 200, "# Mine\n\nBefore.\n\n%.*sold\n%sAfter.\n",
             (int)(second - begin), begin, end);
    store("datagen.md", text);
    assert_int_equal(run("--markdown", folder), LEAT_EXIT_OK);
    load("datagen.md");
    snprintf(text, strlen(first) + 200, "# Mine\n\nBefore.\n\n%sAfter.\n", begin);
    assert_string_equal(out.p, text);
    free(text);
    free(first);

    store("null.md", "no marks");
    assert_int_equal(run("--markdown", folder), LEAT_EXIT_FAILED);
    HAS("the page lacks the two lines");
    load("null.md");
    assert_string_equal(out.p, "no marks");
    assert_int_equal(run("--markdown", "/proc/none"), LEAT_EXIT_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_markdown, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
