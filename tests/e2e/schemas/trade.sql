-- Of the kind of a trading company's database: keys of text, composite keys, references to itself.
CREATE SCHEMA trade;
SET search_path = trade;
CREATE TABLE customers (
    customer_id char(5) PRIMARY KEY,
    company_name varchar(40) NOT NULL,
    phone varchar(24)
);
CREATE TABLE employees (
    employee_id smallint PRIMARY KEY,
    last_name varchar(20) NOT NULL,
    birth_date date,
    photo bytea,
    notes text,
    reports_to smallint REFERENCES employees
);
CREATE TABLE orders (
    order_id smallint PRIMARY KEY,
    customer_id char(5) REFERENCES customers,
    employee_id smallint REFERENCES employees,
    order_date date,
    shipped timestamp(0),
    freight real
);
CREATE TABLE order_details (
    order_id smallint REFERENCES orders,
    product_id smallint,
    unit_price real NOT NULL,
    quantity smallint NOT NULL,
    discount real NOT NULL,
    total double precision GENERATED ALWAYS AS (unit_price * quantity * (1 - discount)) STORED,
    PRIMARY KEY (order_id, product_id)
);
CREATE TABLE us_states (state_id smallint NOT NULL, state_name varchar(100), state_abbr char(2));

INSERT INTO customers SELECT upper(substr(md5(i::text), 1, 5)), 'Company ' || i, '030-' || i
    FROM generate_series(1, 91) i;
INSERT INTO employees SELECT i, 'Name ' || i, date '1948-12-08' + i * 400,
    decode(repeat('5c78', 2000), 'hex'), repeat('Notes. ', i * 100), NULLIF(i / 2, 0)
    FROM generate_series(1, 9) i;
INSERT INTO orders SELECT i, (SELECT customer_id FROM customers ORDER BY 1 OFFSET i % 91 LIMIT 1),
    1 + i % 9, date '1996-07-04' + i, CASE WHEN i % 4 > 0 THEN timestamp '1996-07-16 12:30:00' END,
    i * 1.1
    FROM generate_series(1, 300) i;
INSERT INTO order_details SELECT i, p, p * 0.3, i % 20, 0.05 * (p % 4)
    FROM generate_series(1, 300) i, generate_series(1, 3) p;
INSERT INTO us_states SELECT i, 'State ' || i, chr(65 + i % 26) || 'X' FROM generate_series(1, 51) i;
