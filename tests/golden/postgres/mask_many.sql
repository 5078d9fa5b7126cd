-- setup (before the connector starts; seen by the snapshot)
create table t(id int primary key, a text, b varchar(10), c char(5), d bytea, e int, f text[], g varchar(40)); insert into t values(1,'hello world','hello','abc','\x010203',5,'{a,b}','x'); insert into t(id) values(2);
-- stream (after the connector is streaming)
update t set a='ünïcödé' where id=1; insert into t values(3,'','','','\x',0,'{}',''); delete from t where id=1;
