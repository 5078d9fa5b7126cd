-- setup (before the connector starts; seen by the snapshot)
create extension hstore; create table t(id int primary key, h hstore);
insert into t values(1,'b=>1,a=>2,Zürich=>3,"😀"=>4,"key with \\ and \" quote"=>"line\nnew"');
-- stream (after the connector is streaming)
insert into t select 2, hstore(array_agg('k'||i), array_agg('v'||i)) from generate_series(1,40) i;
insert into t values (3,hstore(E'a\nb\x01\x1f\x7f','é/"\\')),(4,'x=>NULL,y=>"NULL",z=>""');
