-- setup
create extension ltree; create extension citext; create extension isn; create extension hstore;
create type mood as enum ('sadness', 'okay');
create domain short as varchar(12);
create domain hidden as uuid;
create table m (id int primary key, u uuid, j json, jb jsonb, x xml, ip inet, ci cidr, ma macaddr, ct citext, lt ltree, mo mood, tv tsvector, r int4range, isbn isbn, hs hstore, c "char", dt short, hu hidden, tz timetz, tsz timestamptz, iv interval, nu numeric(6,2), mon money, b bytea, t text, v varchar(40), bp char(20), ts timestamp, d date, ti time, n int, ta text[], bi bit(12));
insert into m values (1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": 1}', '{"a": 1}', '<a>x</a>', '10.1.2.3/24', '10.0.0.0/8', '08:00:2b:01:02:03', 'CiText', 'a.b.c', 'sadness', '''long'':1A', '[1,5)', '978-0-393-04002-9', '"a"=>"1"', 'x', 'a domain', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '12:00:00+02', '2024-01-02 03:04:05+00', '1 day', 1234.56, 1234.56, '\x0102030405', 'a text', 'a varchar', 'padded', '2024-01-02 03:04:05', '2024-01-02', '03:04:05', 12345, '{abcdef}', b'101010101010');
-- stream
insert into m select 2, u, j, jb, x, ip, ci, ma, ct, lt, mo, tv, r, isbn, hs, c, dt, hu, tz, tsz, iv, nu, mon, b, t, v, bp, ts, d, ti, n, ta, bi from m;
