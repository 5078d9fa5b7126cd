/* Secrets at rest: values of configurations sealed with the key of a data folder.
 *
 * A sealed value is a text like a reference to a provider: ${sealed:KEY:TEXT}. KEY names the key (8
 * hex digits), TEXT is base64url of nonce and XChaCha20-Poly1305 over the value, padded to 32
 * bytes. Connector and option are authenticated with it: moved to another option or connector it
 * does not open. The nonce is a keyed hash of all of these, so the same value seals to the same
 * text and what has not changed need not be written again.
 *
 * Keys come from, in this order: the environment (LEAT_KEY, taken out of it; or handed on by the
 * process that started this one), the file LEAT_KEY_FILE names, DATA/secret.key, which is made when
 * the first secret is sealed (mode 0600, durable before it is used). Each is a list, one key of 64
 * hex digits a line (LEAT_KEY: separated by commas): the first seals, all open. A process has one
 * data folder and one list. Any thread. */
#ifndef LEAT_CONFIG_SEAL_H
#define LEAT_CONFIG_SEAL_H

#include "config/load.h"

#define LEAT_SEAL_FILE "secret.key"

/* ---- keys ---- */

/* The data folder of this process: where its key is looked for. Nothing is read yet; another folder
 * than before forgets the keys of that one. */
void leat_seal_folder(const char *data);
/* The folder said last, in a; NULL: nobody has said one. */
const char *leat_seal_data(leat_arena *a);
/* Takes LEAT_KEY out of the environment, so that no child and no /proc shows it. CONF "seal.key"
 * when it is none. To be called before threads are started. */
leat_rc leat_seal_take_env(leat_err *e);
/* What leat_seal_take_env has taken, for a process that is started: 64 hex digits and a comma each;
 * empty: there was none. In a. */
const char *leat_seal_handed(leat_arena *a);
/* In the process that was started: the text of leat_seal_handed. */
leat_rc leat_seal_hand(leat_str keys, leat_err *e);

typedef struct leat_seal_key {
    char id[9];
    bool seals; /* the first one */
} leat_seal_key;
/* The keys there are, none if there is no file yet. where: the file's path, or "LEAT_KEY"; in a. */
leat_rc leat_seal_keys(leat_arena *a, const leat_seal_key **out, size_t *n, const char **where,
                       leat_err *e);
/* Puts a new key before the others in the file; it seals from now on. CONF "seal.key" when the keys
 * came from the environment. */
leat_rc leat_seal_add(leat_err *e);
/* Removes all keys but the first from the file. Nothing may be sealed with them any more. */
leat_rc leat_seal_drop(leat_err *e);

/* ---- values ---- */

/* It has the form of a sealed value. */
bool leat_seal_is(const char *value);
/* Appends the sealed value. */
leat_rc leat_seal_value(const char *connector, const char *option, leat_str value, leat_buf *out,
                        leat_err *e);
/* Appends what a sealed value hides. CONF "seal.key_missing" when its key is not there,
 * "seal.damaged" when it was changed or belongs to something else. */
leat_rc leat_seal_open(const char *connector, const char *option, const char *value, leat_buf *out,
                       leat_err *e);

/* Whether a value must not be shown or kept as it is, by the connector's options (NULL: by its name
 * alone). A reference to a provider may; a sealed value must not be shown. */
bool leat_config_secret(leat_opt_tables tables, const char *name, const char *value);
/* As leat_config_write, secrets sealed; those that are sealed stay as they are unless anew: then
 * they are sealed again, with the first key. */
leat_rc leat_config_keep(const leat_config *c, leat_opt_tables tables, bool anew, leat_buf *out,
                         leat_err *e);
/* The sealed values of a configuration opened, in place. name: the connector's. */
leat_rc leat_config_unseal(leat_arena *a, const char *name, leat_props *props, leat_err *e);
/* Some secret of it lies open. */
bool leat_config_bare(const leat_config *c, leat_opt_tables tables);

#endif
