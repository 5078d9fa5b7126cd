/* Configurations as they are kept in files: secrets sealed (config/seal.h), all else as written. */
#ifndef LEAT_ENGINE_KEPT_H
#define LEAT_ENGINE_KEPT_H

#include "config/seal.h"
#include "state/state.h"

/* The options of the connector that a configuration names; NULL: it is not in this build. */
leat_opt_tables leat_kept_tables(const leat_config *config);
/* {"name":..., "worker":{...}, "config":{...}} with secrets sealed. */
leat_rc leat_kept_write(const leat_config *config, leat_buf *out, leat_err *e);
/* Into state.db as the configuration in force. Where secrets lay open there before, nothing of them
 * is left in the file. */
leat_rc leat_kept_store(leat_state *s, const leat_config *config, leat_err *e);
/* What state.db holds sealed again with the first key. */
leat_rc leat_kept_seal_again(leat_state *s, leat_err *e);

#endif
