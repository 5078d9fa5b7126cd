-- setup

create domain d1 as numeric(10,3); create domain d2 as d1 check (value > 0);
create domain dnn as text default 'domain''s default' not null;
create domain darr as int[]; create domain dvar as varchar(7); create domain dvar2 as dvar; create domain dbit as bit(5); create domain dbit1 as bit; create domain dts as timestamp(3); create domain dts0 as timestamp; create domain dtime as time(2); create domain dchar as char(4); create domain dnum as numeric; create domain dby as bytea; create domain djs as jsonb; create domain duu as uuid; create domain dbool as boolean; create domain div as interval; create domain dtz as timestamptz; create domain dint as int default 7; create domain dsmall as smallint; create domain dbig as bigint; create domain ddate as date; create domain dfl as real; create domain din as inet; create domain dmoney as money;
create table t (id int primary key, a d1, b d2, c dnn, d darr, e dvar, e2 dvar2, g dbit, g1 dbit1, h dts, h0 dts0, i dtime, j dchar, k dnum, l dby, m djs, n duu, o dbool, p div, q dtz, r dint, r2 dint not null default 8, s dsmall not null, u dbig, v ddate, w dfl, x din, y dmoney);
insert into t values (1, 5.5, 5.5, 'x', '{1,2}', 'seven77', 'seven77', '10101', '1', '2024-01-02 03:04:05.678', '2024-01-02 03:04:05.678901', '03:04:05.67', 'ab', 1.25, '\x00ff', '{"a": 1}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, '1 day', '2024-01-02 03:04:05+00', 1, 2, 3, 4, '2024-01-02', 1.5, '10.0.0.1', 12.34);
insert into t (id, s) values (2, 0);
-- stream
insert into t values (3, 5.5, 5.5, 'x', '{1,2}', 'seven77', 'seven77', '10101', '1', '2024-01-02 03:04:05.678', '2024-01-02 03:04:05.678901', '03:04:05.67', 'ab', 1.25, '\x00ff', '{"a": 1}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, '1 day', '2024-01-02 03:04:05+00', 1, 2, 3, 4, '2024-01-02', 1.5, '10.0.0.1', 12.34);
insert into t (id, s) values (4, 0);
update t set s = 9 where id = 4;
delete from t where id = 4;
