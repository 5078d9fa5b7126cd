/* Debezium Server's application.properties: into the configuration of a connector and its worker.
 *
 *   debezium.source.X               X of the connector
 *   debezium.sink.type              kafka
 *   debezium.sink.kafka.producer.X  of the worker: producer.X, or X where all clients have it
 *   debezium.format.key[.X]         key.converter[.X]; value and header alike
 *   debezium.transforms[.X]         transforms[.X]; predicates alike
 *
 * Names and values come about as in Quarkus: %PROFILE.NAME counts in its profile (prod, unless
 * QUARKUS_PROFILE or quarkus.profile says another), the environment goes before the file
 * (DEBEZIUM_SOURCE_DATABASE_PASSWORD), ${NAME} and ${NAME:default} stand for what is set elsewhere.
 * What the environment holds is not copied: the value becomes ${env:NAME}, which is resolved where
 * it is used. No I/O; any thread. */
#ifndef LEAT_CONFIG_DBZSERVER_H
#define LEAT_CONFIG_DBZSERVER_H

#include "config/load.h"

/* Ends with a row whose name is NULL; the names above and those without effect here. */
extern const leat_opt leat_dbzserver_options[];

/* Whether a file with these properties is Debezium Server's. */
bool leat_dbzserver_is(const leat_props *props);

/* env: NAME=value, NULL-ended, outlives the call. Fills out's props, worker and told, all in a; the
 * connector's own options are judged later, by its tables. */
void leat_dbzserver_read(leat_arena *a, const leat_props *file, const char *const *env, bool strict,
                         leat_config *out);

#endif
