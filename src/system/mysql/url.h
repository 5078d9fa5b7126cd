/* URLs of MySQL and MariaDB: where a connection goes, by what their JDBC drivers understand. */
#ifndef LEAT_SYSTEM_MYSQL_URL_H
#define LEAT_SYSTEM_MYSQL_URL_H

#include "config/db_url.h"
#include "system/mysql/conn.h"

/* Host, port, database, user, password, sslMode and files, connectTimeout. What the URL does not
 * say stays as it was in t. CONF "config.url". What t borrows is u's. */
leat_rc leat_my_url_target(const leat_db_url *u, leat_my_target *t, leat_err *e);

#endif
