-- setup (before the connector starts; seen by the snapshot)
create schema "My Schema"; create table "My Schema"."Weird_Table$é"("Id" int primary key, "a.b" text, "ünï" text, "1st" int, "quo""te" int, "x_y" bool); insert into "My Schema"."Weird_Table$é" values(1,'x','y',2,3,true);
-- stream (after the connector is streaming)
update "My Schema"."Weird_Table$é" set "a.b"='z';
