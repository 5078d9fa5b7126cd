/* Parsing of options and words, and the exit statuses that go with errors. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

static struct parsed {
    bool good, flag, other;
    const char *text;
    int64_t number;
    const char *words[4];
    int nwords, status;
} p;

static const leat_arg ARGS[] = {
    {"flag", LEAT_ARG_FLAG, &p.flag, NULL, "a flag"},
    {"flag-two", LEAT_ARG_FLAG, &p.other, NULL, "another"},
    {"text", LEAT_ARG_TEXT, &p.text, "T", "a text"},
    {"number", LEAT_ARG_INT, &p.number, "N", "a number"},
    {0},
};

/* Help goes to standard output, where the results of the tests go too. */
static int out = -1;

static void hide_output(bool hide)
{
    fflush(stdout);
    if (hide) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        out = dup(STDOUT_FILENO);
        dup2(null, STDOUT_FILENO);
        close(null);
    } else {
        dup2(out, STDOUT_FILENO);
        close(out);
    }
}

/* The words of line, which blanks part; '' is an empty one. */
static void parse(const char *line)
{
    static char copy[256];
    char *argv[17] = {(char *)"status"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = copy; *at;) {
        char *end = at;
        while (*end && *end != ' ') end++;
        bool last = !*end;
        *end = 0;
        if (*at) argv[argc++] = *at == '\'' ? end : at;
        at = last ? end : end + 1;
    }
    p = (struct parsed){.number = -7, .status = -1};
    p.good = leat_cli_parse(argc, argv, ARGS, p.words, 4, &p.nwords, &p.status);
}

static void test_options_and_words(void **state)
{
    (void)state;
    parse("a --flag b --text x --number 12 c");
    assert_true(p.good && p.flag && !p.other);
    assert_string_equal(p.text, "x");
    assert_int_equal(p.number, 12);
    assert_int_equal(p.nwords, 3);
    assert_string_equal(p.words[2], "c");
    parse("--text=x=y --number=0 --flag-two");
    assert_true(p.good && p.other && !p.flag);
    assert_string_equal(p.text, "x=y");
    assert_int_equal(p.number, 0);
    assert_int_equal(p.nwords, 0);
    parse("--text --flag");
    assert_true(p.good && !p.flag);
    assert_string_equal(p.text, "--flag");
    parse("");
    assert_true(p.good && p.nwords == 0);
}

static void test_what_ends_options(void **state)
{
    (void)state;
    parse("--flag -- --text -x --help --");
    assert_true(p.good && p.flag);
    assert_int_equal(p.nwords, 4);
    assert_string_equal(p.words[0], "--text");
    assert_string_equal(p.words[3], "--");
    parse("- ''");
    assert_true(p.good);
    assert_int_equal(p.nwords, 2);
    assert_string_equal(p.words[0], "-");
    assert_string_equal(p.words[1], "");
}

static void test_wrong_usage(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "--none",
        "--",
        "--fla",
        "--flagg",
        "--=x",
        "--flag=",
        "--flag=1",
        "--text",
        "--text=",
        "--text ''",
        "--number",
        "--number=",
        "--number x",
        "--number 1x",
        "--number -1",
        "--number 1.5",
        "--number 99999999999999999999",
        "-x",
        "one two three four five",
        "-flag",
        "a -1",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (i == 1) continue; /* only the end of options */
        parse(lines[i]);
        assert_false(p.good);
        assert_int_equal(p.status, LEAT_EXIT_USAGE);
        assert_int_equal(p.number, -7);
    }
}

static void test_help(void **state)
{
    (void)state;
    static const char *const lines[] = {"--help", "-h", "a --help", "--flag -h b"};
    for (size_t i = 0; i < 4; i++) {
        hide_output(true);
        parse(lines[i]);
        hide_output(false);
        assert_false(p.good);
        assert_int_equal(p.status, LEAT_EXIT_OK);
    }
}

static void test_names(void **state)
{
    (void)state;
    int status = -1;
    const char *const good[] = {"a", "b-1"}, *const bad[] = {"a", "../b"};
    assert_true(leat_cli_names("status", good, 2, &status));
    assert_int_equal(status, -1);
    assert_false(leat_cli_names("status", bad, 2, &status));
    assert_int_equal(status, LEAT_EXIT_USAGE);
    assert_true(leat_cli_names("status", bad, 1, &status));
}

static void test_exit_statuses(void **state)
{
    (void)state;
    leat_err err;
    leat_fail(&err, LEAT_CONF, "config.invalid", "x", "wrong");
    assert_int_equal(leat_cli_fail(&err), LEAT_EXIT_USAGE);
    leat_fail(&err, LEAT_CONF, "topic.unknown", "x", "none");
    assert_int_equal(leat_cli_fail(&err), LEAT_EXIT_FAILED);
    leat_fail(&err, LEAT_RETRY, "config.x", "x", "later");
    assert_int_equal(leat_cli_fail(&err), LEAT_EXIT_FAILED);
}

static void test_data(void **state)
{
    (void)state;
    unsetenv("LEAT_DATA");
    assert_string_equal(leat_cli_data(), "leat-data");
    setenv("LEAT_DATA", "", 1);
    assert_string_equal(leat_cli_data(), "leat-data");
    setenv("LEAT_DATA", "/x", 1);
    assert_string_equal(leat_cli_data(), "/x");
    unsetenv("LEAT_DATA");
}

/* Every command is documented, takes --help, and says so. */
static void test_commands(void **state)
{
    (void)state;
    for (const leat_command *c = leat_commands; c->name; c++) {
        assert_non_null(c->usage);
        assert_true(c->help && *c->help);
        char *argv[] = {(char *)c->name, (char *)"--help", NULL};
        hide_output(true);
        int status = c->run(2, argv);
        hide_output(false);
        assert_int_equal(status, LEAT_EXIT_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_and_words),
        cmocka_unit_test(test_what_ends_options),
        cmocka_unit_test(test_wrong_usage),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_exit_statuses),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
