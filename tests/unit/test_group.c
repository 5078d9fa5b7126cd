/* Control groups, over a folder that looks like them: what is written where, and when it is left
 * alone. */
#include "../test.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include "base/group.h"
#include "base/os.h"

static char root[64], self[96];

static const char *path_of(const char *file)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", root, file);
    return path;
}

static void put(const char *file, const char *text)
{
    assert_int_equal(leat_os_store(path_of(file), leat_str_of(text), 0600), 0);
}

static void assert_holds(const char *file, const char *text)
{
    leat_buf got = {0};
    assert_int_equal(leat_os_load(path_of(file), &got, 4096), 0);
    leat_buf_u8(&got, 0);
    assert_string_equal(got.p, text);
    leat_buf_free(&got);
}

static void make_group(const char *name)
{
    static const char *const files[] = {
        "cgroup.procs",  "memory.max", "memory.swap.max", "cpu.max", "memory.oom.group",
        "memory.events", NULL};
    char file[128];
    assert_int_equal(leat_os_mkdirs(path_of(name), 0700), 0);
    for (size_t i = 0; files[i]; i++) {
        snprintf(file, sizeof file, "%s/%s", name, files[i]);
        put(file, "");
    }
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/var/tmp/leat-group-%d", (int)getpid());
    snprintf(self, sizeof self, "%s/self", root);
    assert_int_equal(leat_os_mkdirs(path_of("unit/hub"), 0700), 0);
    make_group("unit");
    make_group("unit/hub");
    put("unit/cgroup.controllers", "cpuset cpu io memory pids\n");
    put("unit/cgroup.subtree_control", "");
    put("self", "1:name=systemd:/\n0::/unit\n");
    leat_group_root(root, self);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    leat_group_root(NULL, NULL);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void test_the_hub_divides_its_group(void **state)
{
    (void)state;
    assert_int_equal(leat_group_prepare(), 0);
    assert_holds("unit/hub/cgroup.procs", "0");
    assert_holds("unit/cgroup.subtree_control", "+memory +cpu");
}

static void test_a_group_without_controllers_is_left_alone(void **state)
{
    (void)state;
    put("unit/cgroup.controllers", "cpuset cpu pids\n");
    assert_int_equal(leat_group_prepare(), -ENOENT);
    assert_holds("unit/hub/cgroup.procs", "");
    assert_holds("unit/cgroup.subtree_control", "");
}

/* Others are in the group, or it is not ours: the hub goes back where it was. */
static void test_a_group_that_cannot_be_divided(void **state)
{
    (void)state;
    assert_int_equal(unlink(path_of("unit/cgroup.subtree_control")), 0);
    assert_true(leat_group_prepare() < 0);
    assert_holds("unit/cgroup.procs", "0");
}

static void test_a_connector_enters_its_leaf(void **state)
{
    (void)state;
    leat_group_bounds bounds = {.memory = 300 << 20, .cpu_percent = 150};
    put("self", "0::/unit/hub\n");
    make_group("unit/connector-shop=2eorders");
    assert_int_equal(leat_group_enter("shop.orders", &bounds), 0);
    assert_holds("unit/connector-shop=2eorders/memory.max", "314572800");
    assert_holds("unit/connector-shop=2eorders/memory.swap.max", "0");
    assert_holds("unit/connector-shop=2eorders/memory.oom.group", "1");
    assert_holds("unit/connector-shop=2eorders/cpu.max", "150000 100000");
    assert_holds("unit/connector-shop=2eorders/cgroup.procs", "0");
    put("unit/connector-shop=2eorders/memory.events", "low 0\nmax 12\noom 3\noom_kill 2\n");
    assert_int_equal(leat_group_killed("shop.orders"), 2);
    assert_int_equal(leat_group_killed("other"), -1);
}

static void test_nothing_was_prepared(void **state)
{
    (void)state;
    leat_group_bounds bounds = {.memory = 300 << 20};
    assert_int_equal(leat_group_enter("shop", &bounds), -ENOENT);
    put("self", "1:name=systemd:/\n");
    assert_int_equal(leat_group_enter("shop", &bounds), -ENOENT);
    assert_int_equal(leat_group_prepare(), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_hub_divides_its_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_group_without_controllers_is_left_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_group_that_cannot_be_divided, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_connector_enters_its_leaf, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_was_prepared, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
