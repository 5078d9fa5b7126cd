-- setup (before the connector starts; seen by the snapshot)
create table t(id int primary key, m money); insert into t values(1,'-92233720368547758.08'),(2,'1.5'),(3,null);
-- stream (after the connector is streaming)
insert into t values(4,'92233720368547758.07');
