-- setup (before the connector starts; seen by the snapshot)
create schema s; create table a(id int primary key, v text); create table s.b(id int primary key, v text, u int not null); create unique index b_u on s.b(u); create table c(v text); create table e(id int primary key, v text); insert into a values(1,'x'); insert into s.b values(1,'y',5); insert into c values('n'); insert into e values(1,'e');
-- stream (after the connector is streaming)
update a set v='z'; update s.b set v='w'; update s.b set u=6; insert into c values('o'); update e set v='f'; delete from a; delete from s.b;
