DEFINE a='b'; DEFINE q='''s'''; CREATE SINK CONNECTOR IF NOT EXISTS ${a} WITH ('x'='${a} ${b}', 'y'=${q});
UNDEFINE a; SHOW VARIABLES; -- done
/* and */
