/* Templates of `leat plugins`. */
#ifndef LEAT_CLI_TEMPLATE_H
#define LEAT_CLI_TEMPLATE_H

/* words: the connector, and perhaps the format. connection: NULL: none. The exit status. */
int leat_cli_template(const char *command, const char *data, const char *const *words, int n,
                      const char *connection);

#endif
