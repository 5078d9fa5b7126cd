-- setup (before the connector starts; seen by the snapshot)
create table t(id serial primary key, a varchar(7), b numeric(5,2), c numeric, d timestamp(3), e int[], f text, g bit(5), h interval, i money, j time(2), k timestamptz, l char(3)); insert into t(a) values('x');
-- stream (after the connector is streaming)
insert into t(a) values('y');
