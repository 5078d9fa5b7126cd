-- setup
create table part (id int, r int, v text, primary key (id, r)) partition by range (r); create table part_1 partition of part for values from (0) to (10); create table part_2 (v text, junk int, r int not null, id int not null, primary key (id,r)); alter table part_2 drop column junk; alter table part attach partition part_2 for values from (10) to (20);
create materialized view mv as select 1 as a; create view vw as select 1 as a;
create table par (id int primary key, v text); create table chi (extra int) inherits (par); insert into par values (1,'p'); insert into chi values (2,'c',3);
-- stream
insert into part values (1,1,'a'),(2,11,'b');
update part set r=12 where id=1; update part set v='n';
create table part_3 partition of part for values from (20) to (30);
insert into part values (5,25,'new');
truncate part_1;
delete from part where id = 5;
insert into chi values (3,'cc',4);
