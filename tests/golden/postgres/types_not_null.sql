-- setup (before the connector starts; seen by the snapshot)
create extension hstore; create extension citext; create extension ltree; create extension isn;
create type mood as enum('sad','ok'); create domain label as varchar(12); create domain price as numeric(12,3);
create table t(id int primary key, i2 smallint not null, i4 int not null, i8 bigint not null, o oid not null, n numeric not null, n2 numeric(10,2) not null, f4 real not null, f8 float8 not null, m money not null, b bool not null, t text not null, vc varchar(5) not null, c char(5) not null, ch "char" not null, ci citext not null, lb label not null, pr price not null, by bytea not null, u uuid not null, j json not null, jb jsonb not null, x xml not null, en mood not null, lt ltree not null, hs hstore not null, tv tsvector not null, isb isbn not null);
create table d(id int primary key, d date not null, t time not null, t3 time(3) not null, tz timetz not null, ts timestamp not null, ts3 timestamp(3) not null, tsz timestamptz not null, iv interval not null, ip inet not null, ci cidr not null, ma macaddr not null, m8 macaddr8 not null, b1 bit(1) not null, b9 bit(9) not null, vb varbit(9) not null, p point not null, ir int4range not null, lr int8range not null, nr numrange not null, tr tsrange not null, tzr tstzrange not null, dr daterange not null);
create table a(id int primary key, i4 int[] not null, t text[] not null, n numeric(8,3)[] not null, b bool[] not null, d date[] not null, ts timestamp[] not null, u uuid[] not null, en mood[] not null, j jsonb[] not null, by bytea[] not null, ir int4range[] not null, hs hstore[] not null);
insert into t values(1,1,1,1,1,1.5,1.5,1.5,1.5,1.5,true,'t','v','c','h','ci','l',1.5,'\x01','a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11','{}','[]','<a/>','ok','A.B','a=>1','x','0-306-40615-2');
insert into d values(1,'2024-02-29','12:00','12:00:00.5','12:00+02','2024-02-29 12:00','2024-02-29 12:00','2024-02-29 12:00+02','1 day','::1','10.0.0.0/8','08:00:2b:01:02:03','08:00:2b:01:02:03:04:05','1','101010101','101','(1,2)','[1,2)','[1,2)','[1,2)','[2024-01-01,2024-01-02)','[2024-01-01,2024-01-02)','[2024-01-01,2024-01-02)');
insert into a values(1,'{1}','{a}','{1.5}','{t}','{2024-02-29}','{2024-02-29}','{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}','{ok}','{"{}"}','{"\\x01"}','{"[1,2)"}','{a=>1}');
-- stream (after the connector is streaming)
update t set id = 2;
delete from t;
update d set id = 2;
delete from d;
update a set id = 2;
delete from a;
