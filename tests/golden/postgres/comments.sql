-- setup (before the connector starts; seen by the snapshot)
create table t(id int primary key, v text, d numeric(5,2) default 1.5, m int[]); comment on table t is 'a table'; comment on column t.id is 'the key'; comment on column t.v is 'it''s "text"'; comment on column t.d is 'price'; comment on column t.m is 'many'; insert into t values(1,'x');
-- stream (after the connector is streaming)
insert into t values(2,'y',2.5,'{1}'); comment on column t.v is 'other'; alter table t add w int; comment on column t.w is 'new'; insert into t values(3,'z',2,null,5);
