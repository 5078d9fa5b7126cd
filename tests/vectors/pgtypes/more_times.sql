-- setup (before the connector starts; seen by the snapshot)
create table t(id int primary key, d date, t time, ttz timetz, ts timestamp, ts3 timestamp(3), tz timestamptz, iv interval, tsa timestamp[], da date[], tza timestamptz[], ta time[], ttza timetz[]);
-- stream (after the connector is streaming)
insert into t(id,iv) values(1,'-178000000 years -11 mons');
insert into t(id,t,ttz) values(3,'00:00:00.000001','24:00:00-05'),(4,'23:59:59.999999','00:00:00+15:59'),(5,'12:00','12:34:56.7-15:59');
insert into t(id,ts,ts3,tz) values(6,'2020-01-01 00:00:00.1','2262-04-11 23:47:16.854','1600-01-01 00:00:00+00:00');
insert into t(id,iv) values(7,'5 mons 1 day'),(8,'0 years'),(9,'1 mon -1 days 100:00:00.1'),(10,'-00:00:00.5'),(11,'100 years 59 mins 59.999999 secs');
insert into t(id,tsa,da,tza,ta,ttza) values (12,'{2020-01-01 00:00:00.5,NULL}','{2020-02-29,1969-12-31}','{2020-01-01 00:00:00.5+00,2020-01-01 00:00:00+05:30}','{00:00:00.1,23:59:59.999999}','{10:00:00+02,10:00:00.5-03:30}');
insert into t(id,tz) values(13,'2020-01-01 00:00:00+15:59'),(14,'9999-12-31 23:59:59.999999+00');
insert into t(id,d) values(15,'9999-12-31'),(16,'0001-01-01');
insert into t(id,ts) values(17,'0001-01-01'),(18,'9999-12-31 23:59:59.999999');
