-- setup (before the connector starts; seen by the snapshot)
create extension postgis;
create table t(id int primary key, g geometry, gp geometry(Point,4326), gz geometry(PointZM), gg geography, gl geography(LineString), ga geometry[], gga geography[], gn geometry not null default 'POINT(0 0)', gyn geography not null default 'POINT(0 0)', bx box2d, bz box3d);
insert into t values(1,'POINT(1 2)','SRID=4326;POINT(-71.1 42.3)','POINT ZM (1 2 3 4)','SRID=4326;POINT(1 2)','LINESTRING(0 0,1 1)',array['POINT(1 1)','SRID=3187;POINT(174.9479 -36.7208)',null]::geometry[],array['POINT(1 1)']::geography[],'POINT(9 9)','POINT(8 8)','BOX(0 0,1 1)','BOX3D(0 0 0,1 1 1)');
insert into t(id) values(2);
insert into t(id,g,gn) values(3,'SRID=3187;POLYGON((0 0,10 0,10 10,0 10,0 0),(1 1,2 1,2 2,1 1))','POINT EMPTY'),(4,'MULTIPOINT(0 0,1 1)','GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))'),(5,'CIRCULARSTRING(0 0,1 1,1 0)','SRID=4326;POLYGON EMPTY');
-- stream (after the connector is streaming)
insert into t values(6,'POINT(1 2)','SRID=4326;POINT(-71.1 42.3)','POINT ZM (1 2 3 4)','SRID=4326;POINT(1 2)','LINESTRING(0 0,1 1)',array['POINT(1 1)','SRID=3187;POINT(174.9479 -36.7208)',null]::geometry[],array['POINT(1 1)']::geography[],'POINT(9 9)','POINT(8 8)','BOX(0 0,1 1)','BOX3D(0 0 0,1 1 1)');
insert into t(id) values(7);
insert into t(id,g,gn) values(8,'SRID=-1;POINT(1 1)','POINT(1e308 -1e-308)'),(9,'TRIANGLE((0 0,0 9,9 0,0 0))','POINT Z (1 2 3)'),(10,'MULTIPOLYGON(((0 0,1 0,1 1,0 0)))','POINT M (1 2 3)');
update t set g='SRID=4326;POINT(5 5)' where id=1;
delete from t where id=6;
