-- setup
create domain short as varchar(12);
create type mood as enum ('sad', 'ok');
create table m (id int primary key, big text not null, hashed text, hashed_short varchar(12), masked text, dom short, mo mood, ar text[], n int, nu numeric(6,2), b bytea, bi bit(12), ip inet, x xml, c "char", t timestamp, iv interval, toasted_bytes bytea, dv char(8));
alter table m alter big set storage external, alter hashed set storage external, alter masked set storage external, alter toasted_bytes set storage external;
insert into m values (1, repeat('big ', 3000), repeat('hashed ', 2000), 'shortish', repeat('masked ', 2000), 'a domain', 'ok', '{abcdef,b}', 123456, 1234.56, '\x0102030405', b'101010101010', '10.1.2.3/24', '<a>long</a>', 'x', '2024-01-02 03:04:05', '1 day', decode(repeat('abcd', 3000), 'hex'), 'ab');
-- stream
update m set n = 2;
update m set id = 2;
delete from m;
