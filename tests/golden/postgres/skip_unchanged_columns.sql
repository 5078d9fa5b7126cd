-- setup (before the connector starts; seen by the snapshot)
create table t(id int primary key, a int, b int); alter table t replica identity full; insert into t values(1,1,1);
-- stream (after the connector is streaming)
update t set b=2; update t set a=2; update t set a=2; delete from t;
