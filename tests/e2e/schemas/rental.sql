-- Of the kind of a DVD rental's database: domains, enums, arrays, full text, partitions, triggers.
CREATE SCHEMA rental;
SET search_path = rental;
CREATE DOMAIN year AS integer CHECK (VALUE BETWEEN 1901 AND 2155);
CREATE DOMAIN "bıgınt" AS bigint;
CREATE TYPE rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE TYPE address AS (street text, city text, zip varchar(10));
CREATE TABLE language (
    language_id serial PRIMARY KEY,
    name char(20) NOT NULL,
    last_update timestamp NOT NULL DEFAULT now()
);
CREATE TABLE film (
    film_id serial PRIMARY KEY,
    title text NOT NULL,
    description text,
    release_year year,
    language_id integer NOT NULL REFERENCES language,
    rental_duration smallint NOT NULL DEFAULT 3,
    rental_rate numeric(4,2) NOT NULL DEFAULT 4.99,
    length smallint,
    replacement_cost numeric(5,2) NOT NULL DEFAULT 19.99,
    rating rating DEFAULT 'G',
    special_features text[],
    fulltext tsvector NOT NULL,
    last_update timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX film_fulltext ON film USING gist (fulltext);
CREATE TRIGGER film_fulltext BEFORE INSERT OR UPDATE ON film FOR EACH ROW
    EXECUTE FUNCTION tsvector_update_trigger('fulltext', 'pg_catalog.english', 'title', 'description');
CREATE TABLE customer (
    customer_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email varchar(50),
    home address,
    picture bytea,
    active boolean NOT NULL DEFAULT true,
    born date,
    settings jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE payment (
    payment_id bigserial,
    customer_id integer NOT NULL,
    amount numeric(5,2) NOT NULL,
    paid timestamptz NOT NULL,
    PRIMARY KEY (paid, payment_id)
) PARTITION BY RANGE (paid);
CREATE TABLE payment_01 PARTITION OF payment
    FOR VALUES FROM ('2022-01-01 00:00:00+00') TO ('2022-02-01 00:00:00+00');
CREATE TABLE payment_02 PARTITION OF payment
    FOR VALUES FROM ('2022-02-01 00:00:00+00') TO ('2022-03-01 00:00:00+00');
CREATE TABLE payment_rest PARTITION OF payment DEFAULT;
CREATE TABLE stay (
    room integer,
    during tstzrange,
    guest "bıgınt",
    price money,
    EXCLUDE USING gist (during WITH &&)
);
CREATE VIEW films AS SELECT title, name FROM film JOIN language USING (language_id);
CREATE MATERIALIZED VIEW paid AS SELECT customer_id, sum(amount) FROM payment GROUP BY 1;

INSERT INTO language (name) VALUES ('English'), ('Deutsch'), ('日本語');
INSERT INTO film (title, description, release_year, language_id, length, rating, special_features)
    SELECT 'FILM ' || i, CASE WHEN i % 5 > 0 THEN 'A tale of ' || i END, 1950 + i % 70, 1 + i % 3,
        60 + i, (ARRAY['G','PG','PG-13','R','NC-17'])[1 + i % 5]::rating,
        CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY['Trailers', NULL, 'a,"b"'] END
    FROM generate_series(1, 200) i;
INSERT INTO customer (name, email, home, picture, active, born)
    SELECT 'Ünal ' || i, NULLIF('c' || i || '@example.org', 'c7@example.org'),
        ROW('Main "St" ' || i, NULL, '0' || i)::address, decode(md5(i::text), 'hex'), i % 2 = 0,
        date '1900-02-28' + i * 300
    FROM generate_series(1, 100) i;
INSERT INTO payment (customer_id, amount, paid)
    SELECT 1 + i % 100, i % 100 + 0.99, timestamptz '2022-01-01 00:00:00+00' + i * interval '3 h'
    FROM generate_series(0, 600) i;
INSERT INTO stay SELECT i % 3, tstzrange(t, t + interval '20 h'), i, i * 1.01
    FROM (SELECT i, timestamptz '2024-01-01 00:00:00+00' + i * interval '1 day' AS t
          FROM generate_series(1, 20) i) x;
