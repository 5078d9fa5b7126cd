-- setup (before the connector starts; seen by the snapshot)
create extension vector;
create table t(id int primary key, v vector, v3 vector(3), h halfvec, h3 halfvec(3), s sparsevec, s5 sparsevec(5), va vector(2)[], vn vector(2) not null default '[0,0]', hn halfvec not null default '[1]', bt bit(3));
insert into t values(1,'[1,2.5,-3e10]','[1,2,3]','[1.5,-2]','[1,65504,0.1]','{1:1,3:-2.5}/5','{1:0.1,5:1e-30}/5',array['[1,2]','[3,4]']::vector(2)[],'[7,8]','[3]',B'101');
insert into t(id) values(2);
insert into t(id,v,h,s) values(3,'[0.1,3.4028235e38,1e-45]','[0.00006,-65504]','{}/7'),(4,'[-0,0]','[-0]','{32767:1}/32767');
-- stream (after the connector is streaming)
insert into t values(5,'[1,2.5,-3e10]','[1,2,3]','[1.5,-2]','[1,65504,0.1]','{1:1,3:-2.5}/5','{1:0.1,5:1e-30}/5',array['[1,2]','[3,4]']::vector(2)[],'[7,8]','[3]',B'101');
insert into t(id) values(6);
insert into t(id,v,h,s) values(7,'[0.1,3.4028235e38,1e-45]','[0.00006,-65504]','{}/7'),(8,'[-0,0]','[-0]','{32767:1}/32767');
update t set v='[9]', h3='[1,1,1]' where id=1;
delete from t where id=5;
