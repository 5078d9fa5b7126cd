/* What the OpenAPI document says of each route; a table beside that of the routes. Private to hub/.
 *
 * A route without a row here fails a test. */
#ifndef LEAT_HUB_OPENAPI_H
#define LEAT_HUB_OPENAPI_H

/* A query parameter. */
typedef struct leat_openapi_query {
    const char *name, *schema; /* schema: JSON */
    const char *help;
} leat_openapi_query;

typedef struct leat_openapi_row {
    const char *method, *path; /* as the route's */
    const char *summary;
    const leat_openapi_query *query; /* ends with name NULL; NULL: none */
    const char *body, *answer;       /* names of schemas; NULL: none */
    int status, also;                /* when it went well; also: or this, 0: no other */
    const char *type;                /* of the answer, if it is not JSON */
    const char *events;              /* it may go on as an event stream: of these; NULL: no */
} leat_openapi_row;

/* openapi_rows.c; ends with method NULL. */
extern const leat_openapi_row leat_openapi_rows[];

typedef struct leat_openapi_schema {
    const char *name, *json;
} leat_openapi_schema;

/* openapi_schemas.c; ends with name NULL. */
extern const leat_openapi_schema leat_openapi_schemas[];

#endif
