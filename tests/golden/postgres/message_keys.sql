-- setup (before the connector starts; seen by the snapshot)
create table t(id int primary key, a int not null, b text); create table nk(x int, y text); insert into t values(1,2,'b'); insert into nk values(1,'y');
-- stream (after the connector is streaming)
update t set a=3; delete from t; insert into nk values(null,null); alter table nk replica identity full; delete from nk;
