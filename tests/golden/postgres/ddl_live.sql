-- setup
create table t (id int primary key, a int, v varchar(5)); insert into t values (1, 1, 'abc');
-- stream
insert into t values (2, 2, 'x');
-- wait until it is read
alter table t rename column a to b;
insert into t values (4, 4, 'y');
-- wait until it is read
alter table t alter b type bigint, alter v type varchar(20), add c text not null default 'it', add d int;
insert into t values (5, 5, 'yy', 'c', 1);
update t set d = 2 where id = 1;
-- wait until it is read
alter table t drop constraint t_pkey, add primary key (id, c);
insert into t values (6, 6, 'yy', 'c', 1);
-- wait until it is read
alter table t rename to u;
insert into u values (7, 7, 'zz', 'c', 1);
-- wait until it is read
insert into u values (8, 8, 'zz', 'c', 1);
-- wait until it is read
alter table u alter d set default 7, alter c drop default, alter b set not null;
insert into u (id, b, c) values (9, 9, 'x');
-- wait until it is read
alter table u drop column c cascade;
insert into u (id, b) values (10, 9);
delete from u where id = 9;
