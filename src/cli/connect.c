/* Logging in at a Kafka Connect: secrets come by file or environment, never by the command line,
 * which others can see. */
#include "cli/connect.h"

#include <stdlib.h>

#include "base/os.h"

enum { TOKEN_MOST = 64 << 10 };

static leat_rc wrong(leat_err *e, const char *option, const char *what)
{
    return leat_fail(e, LEAT_CONF, "connect.login", option, "%s", what);
}

static leat_rc read_token(const char *path, leat_arena *a, const char **out, leat_err *e)
{
    leat_buf text = {0};
    int err = leat_os_load(path, &text, TOKEN_MOST);
    leat_str token = leat_str_trim(leat_buf_str(&text));
    *out = leat_arena_str(a, token).s;
    leat_buf_free(&text);
    if (err < 0) return leat_os_fail(e, err, "read the token in", path);
    return token.len > 0 ? LEAT_OK : wrong(e, path, "there is no token in this file");
}

leat_rc leat_connect_login(const leat_connect *c, leat_arena *a, leat_rest_login *out, leat_err *e)
{
    const char *password = getenv("LEAT_PASSWORD"), *token = getenv("LEAT_TOKEN");
    *out = (leat_rest_login){.ca = c->ca, .cert = c->cert, .key = c->key, .user = c->user};
    if (!c->cert != !c->key) return wrong(e, "--cert", "--cert and --key belong together");
    if (c->user && c->token_file)
        return wrong(e, "--user", "a user or a token logs in, not both: --user or --token-file");
    if (c->user && !password)
        return wrong(e, "--user",
                     "its password is expected in the environment, in LEAT_PASSWORD");
    if (c->user) out->password = password;
    if (c->token_file) return read_token(c->token_file, a, &out->token, e);
    if (!c->user && token && *token) out->token = token;
    return LEAT_OK;
}
