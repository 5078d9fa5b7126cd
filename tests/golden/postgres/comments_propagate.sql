-- setup (before the connector starts; seen by the snapshot)
create table t(id int primary key, v varchar(10)); comment on column t.v is 'text'; insert into t values(1,'x');
-- stream (after the connector is streaming)
insert into t values(2,'y');
