-- setup (before the connector starts; seen by the snapshot)
create table t(id int primary key, n int, big text, j jsonb, b bytea, nn text); alter table t alter big set storage external, alter j set storage external, alter b set storage external; insert into t values(1,1,(select string_agg(md5(i::text),'') from generate_series(1,300) i),jsonb_build_object('k',(select string_agg(md5(i::text),'') from generate_series(1,300) i)),(select string_agg(md5(i::text),'') from generate_series(1,300) i)::bytea,null);
-- stream (after the connector is streaming)
update t set n=2; update t set n=3, nn='x'; insert into t values(2,1,'s',null,null,null); update t set id=9 where id=1; begin; update t set n=4 where id=9; delete from t where id=9; commit;
