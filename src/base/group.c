/* Small files below /sys/fs/cgroup; see the header.
 *
 *   GROUP/                  what the service manager gave: cgroup.subtree_control
 *
 *   GROUP/hub/              the hub, and its nursery
 *
 *   GROUP/connector-NAME/   memory.max, memory.swap.max, memory.oom.group, cpu.max
 *
 * Bytes of a name that have a meaning in paths, or none as text, are written as =XX. */
#include "base/group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/os.h"

enum { FILE_MOST = 4096, PERIOD_US = 100000 };

static const char *mount_at, *self_at = "/proc/self/cgroup";

void leat_group_root(const char *mount, const char *self)
{
    mount_at = mount;
    self_at = self ? self : "/proc/self/cgroup";
}

static int load(const char *folder, const char *file, leat_buf *out)
{
    leat_buf path = {0};
    leat_buf_printf(&path, "%s/%s", folder, file);
    leat_buf_u8(&path, 0);
    leat_buf_clear(out);
    int err = leat_os_load(path.p, out, FILE_MOST);
    leat_buf_free(&path);
    return err;
}

/* One write, as the kernel wants it. */
static int store(const char *folder, const char *file, const char *text)
{
    leat_buf path = {0};
    leat_buf_printf(&path, "%s/%s", folder, file);
    leat_buf_u8(&path, 0);
    int fd = leat_os_now()->open(path.p, LEAT_O_WRITE, 0);
    int err = fd < 0 ? fd : leat_os_write_all(fd, text, strlen(text), 0);
    if (fd >= 0) leat_os_now()->close(fd);
    leat_buf_free(&path);
    return err < 0 ? err : 0;
}

static bool has_word(leat_str text, const char *word)
{
    while (text.s) {
        leat_str line = leat_str_cut(&text, '\n');
        while (line.s)
            if (leat_str_is(leat_str_cut(&line, ' '), word)) return true;
    }
    return false;
}

/* The folder of this process's group: "0::/system.slice/leat.service". */
static int own_group(leat_buf *out)
{
    static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL};
    leat_buf text = {0};
    leat_str path = {0};
    int err = leat_os_load(self_at, &text, FILE_MOST);
    leat_str rest = leat_buf_str(&text);
    while (err == 0 && rest.s && !path.s) {
        leat_str line = leat_str_cut(&rest, '\n');
        if (leat_str_starts(line, "0::/")) path = (leat_str){line.s + 3, line.len - 3};
    }
    const char *mount = mount_at;
    for (size_t i = 0; !mount && mounts[i]; i++) {
        leat_buf_clear(out);
        leat_buf_printf(out, "%s/cgroup.controllers", mounts[i]);
        leat_buf_u8(out, 0);
        if (access(out->p, F_OK) == 0) mount = mounts[i];
    }
    leat_buf_clear(out);
    if (mount && path.s) leat_buf_printf(out, "%s" LEAT_STR_FMT, mount, LEAT_STR_ARG(path));
    leat_buf_u8(out, 0);
    leat_buf_free(&text);
    return err < 0 ? err : mount && path.s ? 0 : -ENOENT;
}

static void cut_leaf(leat_buf *folder)
{
    char *slash = strrchr(folder->p, '/');
    if (slash) *slash = 0;
}

static int enter(const char *folder)
{
    return store(folder, "cgroup.procs", "0");
}

/* Controllers that a group has; only a group without processes lets them through. */
static int let_through(const char *group, leat_buf *text)
{
    int err = load(group, "cgroup.controllers", text);
    leat_str has = leat_buf_str(text);
    if (err == 0 && (!has_word(has, "memory") || !has_word(has, "cpu"))) err = -ENOENT;
    return err;
}

int leat_group_prepare(void)
{
    leat_buf group = {0}, text = {0}, leaf = {0};
    int err = own_group(&group);
    if (err == 0) err = let_through(group.p, &text);
    bool hub =
        err == 0 && strlen(group.p) > 4 && strcmp(group.p + strlen(group.p) - 4, "/hub") == 0;
    if (err == 0 && !hub) {
        leat_buf_printf(&leaf, "%s/hub", group.p);
        leat_buf_u8(&leaf, 0);
        bool made = mkdir(leaf.p, 0755) == 0;
        if (!made && errno != EEXIST) err = -errno;
        if (err == 0) err = enter(leaf.p);
        if (err == 0) err = store(group.p, "cgroup.subtree_control", "+memory +cpu");
        if (err < 0 && enter(group.p) == 0 && made) rmdir(leaf.p);
    }
    leat_buf_free(&group);
    leat_buf_free(&text);
    leat_buf_free(&leaf);
    return err;
}

/* The folder of a connector's leaf, beside the caller's own. */
static int leaf_of(const char *connector, leat_buf *out)
{
    int err = own_group(out);
    if (err < 0) return err;
    const char *own = strrchr(out->p, '/');
    bool prepared = own && (strcmp(own, "/hub") == 0 || strncmp(own, "/connector-", 11) == 0);
    if (!prepared) return -ENOENT;
    cut_leaf(out);
    out->len = strlen(out->p);
    leat_buf_str_z(out, "/connector-");
    for (const unsigned char *c = (const unsigned char *)connector; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
        if (plain)
            leat_buf_u8(out, *c);
        else
            leat_buf_printf(out, "=%02x", *c);
    }
    leat_buf_u8(out, 0);
    return 0;
}

static int bound(const char *leaf, const leat_group_bounds *bounds)
{
    char text[64];
    int err = 0;
    if (bounds->memory > 0) {
        snprintf(text, sizeof text, "%zu", bounds->memory);
        err = store(leaf, "memory.max", text);
        store(leaf, "memory.swap.max", "0"); /* where there is swap */
        store(leaf, "memory.oom.group", "1");
    }
    if (err == 0 && bounds->cpu_percent > 0) {
        snprintf(text, sizeof text, "%lld %d", (long long)bounds->cpu_percent * PERIOD_US / 100,
                 PERIOD_US);
        err = store(leaf, "cpu.max", text);
    }
    return err;
}

int leat_group_enter(const char *connector, const leat_group_bounds *bounds)
{
    leat_buf leaf = {0};
    int err = leaf_of(connector, &leaf);
    if (err == 0 && mkdir(leaf.p, 0755) < 0 && errno != EEXIST) err = -errno;
    if (err == 0) err = bound(leaf.p, bounds);
    if (err == 0) err = enter(leaf.p);
    leat_buf_free(&leaf);
    return err;
}

int64_t leat_group_killed(const char *connector)
{
    leat_buf leaf = {0}, text = {0};
    int64_t killed = -1;
    int err = leaf_of(connector, &leaf);
    if (err == 0) err = load(leaf.p, "memory.events", &text);
    leat_str rest = leat_buf_str(&text);
    while (err == 0 && rest.s) {
        leat_str line = leat_str_cut(&rest, '\n');
        if (leat_str_is(leat_str_cut(&line, ' '), "oom_kill")) leat_str_i64(line, &killed);
    }
    leat_buf_free(&leaf);
    leat_buf_free(&text);
    return killed;
}

void leat_group_remove(const char *connector)
{
    leat_buf leaf = {0};
    if (leaf_of(connector, &leaf) == 0) rmdir(leaf.p);
    leat_buf_free(&leaf);
}
