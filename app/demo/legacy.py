"""What an older system left behind in the same database: tables people built again, forgot, copied or broke.

Nobody declared any of it. It stands in a schema of its own, so that the atlas and the system audit have to find out from
evidence what is alive there; PLANTED says what they ought to find.
"""

from __future__ import annotations

from psycopg import sql

from app.demo.world import World

SCHEMA = "legacy"

PLANTED = {
    # Made for features that never came, or emptied once and left.
    "legacy.permit_requests": "empty",
    "legacy.warranty_claims": "empty",
    "legacy.geocode_cache": "empty",
    # In use once; the newest row is years old.
    "legacy.job_costing_2022": "quiet",
    "legacy.crew_members": "quiet",
    "legacy.suppliers": "quiet",
    # Built a second time, or kept "to be safe".
    "legacy.customers_backup_2023": "look_alike",
    "legacy.app_users_old": "look_alike",
    "legacy.crew_members_v2": "look_alike",
    # A view over a function whose table was dropped; a foreign key nobody dared to validate.
    "legacy.overdue_by_customer": "broken",
    "legacy.material_orders": "broken",
    # The yard still logs the weather that stops work, every day, and reads it as a view.
    "legacy.weather_holds": "live",
    "legacy.weather_this_week": "live",
}
"""`schema.table` -> the verdict of the atlas."""


def leave_behind(world: World) -> None:
    """Plant the old tables, once; nothing happens where the schema is there already, and so somebody's, or may not be made."""
    there, allowed = world.rows(
        "SELECT to_regnamespace(%s) IS NOT NULL, has_database_privilege(current_database(), 'CREATE')", SCHEMA
    )[0]
    if there or not allowed:
        return
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            world.connection.execute(sql.SQL(statement))  # type: ignore[arg-type]
    world.connection.execute(_BACKUP)
    world.connection.execute(_WEATHER, (world.at,))
    for name in PLANTED:
        if name not in ("legacy.overdue_by_customer", "legacy.weather_this_week"):
            world.connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(*name.split("."))))
    world.connection.execute(_RIGHTS)


# Timestamps are those of the old system and stay where they are, however late the demonstration is loaded.
_TABLES = """
CREATE SCHEMA legacy;
COMMENT ON SCHEMA legacy IS 'The job tracker the office used from 2021 on.';

CREATE TABLE legacy.permit_requests (
    id serial PRIMARY KEY, job_ref text NOT NULL, county text, filed_on date, fee numeric(10,2),
    created_at timestamp DEFAULT now()
);
CREATE TABLE legacy.warranty_claims (
    claim_no integer PRIMARY KEY, job_ref text, claimant text, reported date, outcome text, cost numeric(10,2)
);
CREATE TABLE legacy.geocode_cache (address text PRIMARY KEY, lat double precision, lon double precision, looked_up timestamp);
COMMENT ON TABLE legacy.geocode_cache IS 'Emptied when the maps key ran out in 2022.';

CREATE TABLE legacy.job_costing_2022 (
    job_ref text PRIMARY KEY, foreman text NOT NULL, squares numeric(8,2), labor_hours numeric(8,2),
    material_cost numeric(12,2), dump_fees numeric(10,2), margin_pct numeric(5,2), updated_at timestamp NOT NULL
);
CREATE INDEX job_costing_2022_foreman ON legacy.job_costing_2022 (foreman);
INSERT INTO legacy.job_costing_2022
SELECT 'J22-' || lpad(n::text, 4, '0'), (ARRAY['R. Ortega', 'M. Bell', 'T. Nguyen', 'S. Kowalski'])[1 + n % 4],
       18 + n * 37 % 61, 30 + n * 53 % 190, 2400 + n * 971 % 14600, 120 + n * 17 % 400, 12 + n * 7 % 23,
       timestamp '2022-02-07 16:20' + n * interval '44 hours'
FROM generate_series(1, 168) n;

CREATE TABLE legacy.crew_members (
    crew_no integer NOT NULL, person text NOT NULL, trade text, hourly numeric(6,2), harness_size text, hired date,
    entered timestamp NOT NULL, PRIMARY KEY (crew_no, person)
);
INSERT INTO legacy.crew_members
SELECT 1 + n % 6, (ARRAY['Ortega', 'Bell', 'Nguyen', 'Kowalski', 'Diaz', 'Hall', 'Ruiz', 'Baker', 'Lopez', 'Stone'])[1 + n % 10]
       || ' ' || chr(65 + n % 26), (ARRAY['shingle', 'metal', 'flat', 'gutter'])[1 + n % 4], 21 + n % 14,
       (ARRAY['S', 'M', 'L', 'XL'])[1 + n % 4], date '2019-03-04' + n * 31, timestamp '2021-05-03 08:00' + n * interval '9 days'
FROM generate_series(1, 38) n;
CREATE TABLE legacy.crew_members_v2 (LIKE legacy.crew_members, badge text);
INSERT INTO legacy.crew_members_v2 SELECT *, NULL FROM legacy.crew_members WHERE crew_no <= 2;

CREATE TABLE legacy.app_users_old (
    login text PRIMARY KEY, display_name text NOT NULL, email text, phone text, password_md5 text, job_title text,
    last_login timestamp, created_on timestamp NOT NULL
);
INSERT INTO legacy.app_users_old
SELECT lower(name), name || ' ' || chr(64 + n::int), lower(name) || '@rooftracker.example', '555-01' || lpad(n::text, 2, '0'),
       md5(name || n), 'Office', timestamp '2022-11-20 09:00' + n * interval '3 hours', timestamp '2021-04-12 10:00'
FROM unnest(ARRAY['Carla', 'Devin', 'Ines', 'Jo', 'Marta', 'Pete', 'Sam', 'Theo', 'Una', 'Wes', 'Yara'])
    WITH ORDINALITY u (name, n);

CREATE TABLE legacy.suppliers (
    supplier_no integer PRIMARY KEY, supplier text NOT NULL, account_ref text, terms text, changed timestamp
);
INSERT INTO legacy.suppliers
SELECT n, s, 'AC-' || 1000 + n * 13, 'net 30', timestamp '2023-01-09 11:00' + n * interval '5 days'
FROM unnest(ARRAY['Front Range Supply', 'Mile High Metals', 'Summit Shingle', 'Gutter Depot']) WITH ORDINALITY u (s, n);
CREATE TABLE legacy.material_orders (
    order_no serial PRIMARY KEY, supplier_no integer NOT NULL, job_ref text, product text, bundles integer, total numeric(12,2),
    ordered_on date NOT NULL, created timestamp NOT NULL
);
INSERT INTO legacy.material_orders (supplier_no, job_ref, product, bundles, total, ordered_on, created)
SELECT 1 + n % 6, 'J22-' || lpad((1 + n % 168)::text, 4, '0'),
       (ARRAY['Architectural 30yr', 'Drip edge', 'Underlayment'])[1 + n % 3],
       20 + n * 7 % 90, 300 + n * 211 % 4100, date '2022-02-01' + n, timestamp '2022-02-01 07:30' + n * interval '1 day'
FROM generate_series(1, 260) n;
ALTER TABLE legacy.material_orders
    ADD CONSTRAINT material_orders_supplier FOREIGN KEY (supplier_no) REFERENCES legacy.suppliers NOT VALID;

CREATE TABLE legacy.receivables_2021 (customer text, amount numeric(12,2), due date);
CREATE FUNCTION legacy.overdue(as_of date) RETURNS TABLE (customer text, owed numeric) LANGUAGE sql STABLE
    AS 'SELECT customer, sum(amount) FROM legacy.receivables_2021 WHERE due < as_of GROUP BY customer';
CREATE VIEW legacy.overdue_by_customer AS SELECT customer, owed FROM legacy.overdue(current_date);
DROP TABLE legacy.receivables_2021;

CREATE TABLE legacy.weather_holds (
    id serial PRIMARY KEY, site text NOT NULL, reason text NOT NULL, wind_mph integer, held_hours numeric(4,1),
    logged_at timestamptz NOT NULL
);
CREATE INDEX weather_holds_logged_at ON legacy.weather_holds (logged_at);
CREATE VIEW legacy.weather_this_week AS
    SELECT site, reason, held_hours, logged_at FROM legacy.weather_holds WHERE logged_at > now() - interval '7 days';
"""

_BACKUP = """
DO $$ BEGIN
    CREATE TABLE legacy.customers_backup_2023 AS
        SELECT * FROM customers WHERE tenant_id = current_setting('app.tenant_id')::bigint ORDER BY id LIMIT 240;
    UPDATE legacy.customers_backup_2023 SET created_at = timestamptz '2021-06-01 12:00Z' + id % 500 * interval '1 day',
        updated_at = timestamptz '2023-03-14 17:00Z' - id % 90 * interval '1 day';
    COMMENT ON TABLE legacy.customers_backup_2023 IS 'Before the phone numbers were cleaned. Ask Carla before deleting.';
END $$
"""

_WEATHER = """
INSERT INTO legacy.weather_holds (site, reason, wind_mph, held_hours, logged_at)
SELECT (ARRAY['North yard', 'Arvada', 'Lakewood', 'Boulder', 'Castle Rock'])[1 + n %% 5],
       (ARRAY['Wind', 'Lightning', 'Hail', 'Ice on the deck'])[1 + n %% 4], 18 + n * 11 %% 40, 1 + n %% 7,
       %s - n * interval '19 hours' - interval '25 minutes'
FROM generate_series(0, 140) n
"""

_RIGHTS = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'console_app') THEN
        GRANT USAGE ON SCHEMA legacy TO console_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA legacy TO console_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA legacy TO console_app;
    END IF;
END $$
"""
