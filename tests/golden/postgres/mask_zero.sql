-- setup (before the connector starts; seen by the snapshot)
create table t(id int primary key, a text, b text); insert into t values(1,'hello world','x');
-- stream (after the connector is streaming)
update t set a='q';
