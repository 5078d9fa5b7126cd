-- setup
create table f (id int primary key, k int, v text, big text, g int generated always as (k * 2) stored, arr int[] not null default '{}', p point not null default '(1,2)', n numeric not null default 1, e text not null default 'd');
alter table f replica identity full; alter table f alter big set storage external;
create table nk (a int, b text); alter table nk replica identity full;
create table ck (a text, b int, c timestamp(3) not null, d uuid, e numeric(5,2), f date, primary key (d, a, e, f, c));
create table mk (id int primary key, other int, name text, nn int not null default 3);
insert into f (id, k, v, big) values (1, 10, 'a', repeat('x', 9000)), (2, 20, null, null);
insert into nk values (1, 'x'), (1, 'x');
insert into ck values ('k', 1, '2024-01-02 03:04:05.678', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1.5, '2024-01-02');
insert into mk values (1, 10, 'n'), (2, null, null);
-- stream
update f set v = 'b' where id = 1;
update f set id = 3, k = 11 where id = 1;
update f set v = null where id = 3;
update f set v = v where id = 2;
delete from f where id = 2;
update nk set b = 'y';
delete from nk where ctid = '(0,3)';
update ck set c = '2025-01-02 03:04:05.678';
update ck set b = 5;
delete from ck;
update mk set other = 11 where id = 1;
update mk set name = 'm' where id = 1;
update mk set id = 5 where id = 2;
delete from mk where id = 5;
delete from mk where id = 1;
