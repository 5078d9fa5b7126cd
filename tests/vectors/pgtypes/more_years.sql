-- setup (before the connector starts; seen by the snapshot)
create table t(id int primary key, d date, t time, ttz timetz, ts timestamp, ts3 timestamp(3), tz timestamptz, iv interval, tsa timestamp[], da date[], tza timestamptz[], ta time[], ttza timetz[]);
-- stream (after the connector is streaming)
insert into t(id,d) values(1,'0044-03-15 BC');
insert into t(id,d) values(2,'10000-01-01');
insert into t(id,tz) values(3,'12345-01-01 00:00:00+00');
insert into t(id,tz) values(4,'0044-03-15 00:00:00.5+00 BC');
insert into t(id,ts) values(5,'10000-01-01');
insert into t(id,ts) values(6,'0044-03-15 00:00:00.5 BC');
