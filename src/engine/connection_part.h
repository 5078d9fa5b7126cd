/* The inside of connections, shared by their files; nobody else includes this. */
#ifndef LEAT_ENGINE_CONNECTION_PART_H
#define LEAT_ENGINE_CONNECTION_PART_H

#include "engine/connection.h"

/* The option of a connector, or a line of a worker's file, that names a connection. */
#define LEAT_CONNECTION_OPTION "connection"

/* For whom the secrets of a connection are sealed, in a. */
const char *leat_connection_seal_name(leat_arena *a, const char *name);

/* A template's value: ${name} becomes the small letters, digits and underscores of name. In a. */
const char *leat_connection_filled(leat_arena *a, const char *value, const char *name);

#endif
