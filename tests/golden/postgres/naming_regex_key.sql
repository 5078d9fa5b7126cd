-- setup (before the connector starts; seen by the snapshot)
create schema s; create table public.a1(id int primary key, v text); create table s.a2(id int primary key, v text); create table nokey(v text); insert into a1 values(1,'x'); insert into s.a2 values(1,'y'); insert into nokey values('n');
-- stream (after the connector is streaming)
insert into a1 values(2,'z'); update s.a2 set v='w'; delete from a1 where id=1; insert into nokey values('o'); alter table s.a2 replica identity full; update s.a2 set id=7;
