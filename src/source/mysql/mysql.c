/* The MySQL source: its table of calls. What they do is shared by both (my.h). */
#include "source/mysql/reader.h"

static leat_rc check(const void *conf, leat_checker *c, leat_err *e)
{
    (void)e;
    leat_my_check(conf, false, c);
    return LEAT_OK;
}

static const char *const classes[] = {"io.debezium.connector.mysql.MySqlConnector", NULL};

const leat_source leat_source_mysql = {
    .abi = LEAT_SOURCE_ABI,
    .size = sizeof(leat_source),
    .name = "mysql",
    .title = "MySQL",
    .help =
        "Reads the changes of a MySQL server from its binary log. Tested with 9.7; 5.7 to 8.4 are "
        "expected to work and were not tried.",
    .classes = classes,
    .version = "3.6.0.Final",
    .options = leat_my_option_tables,
    .conf_size = sizeof(leat_my_conf),
    .validate = leat_my_conf_validate,
    .check = check,
    .discover = leat_my_discover,
    .open = leat_my_open_source,
    .read = leat_my_read_source,
    .ack = leat_my_ack_source,
    .beat = leat_my_beat_source,
    .end = leat_my_end_source,
    .passed = leat_my_passed_source,
    .gauges = leat_my_gauges_source,
    .close = leat_my_close_source,
    .offset_check = leat_my_offset_check,
    .offset_text = leat_my_offset_text,
    .plan = leat_my_plan_source,
    .read_chunk = leat_my_read_chunk,
    .chunks = &leat_my_chunks,
    .again = leat_my_again_source,
    .capture = leat_my_capture_source,
    .compare = leat_my_source_compare,
    .signal = leat_my_signal_source,
    .history = &leat_my_source_history,
};
