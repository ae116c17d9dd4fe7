"""A table nobody declared has the engine's powers: keys of every kind, every type, references both ways, masks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine

from app.core.db import psycopg_url
from app.engine import reflect, tablename
from app.web.explorer import closed
from tests import ugly
from tests.web.desk import Forms, words
from tests.web.foreign import Foreign, keys


def walked(foreign: Foreign, place: str, **asked: str) -> list[str]:
    """All keys (or first cells) of a list, page by page."""
    found: list[str] = []
    address = f"{place}?" + "&".join(f"{name}={value}" for name, value in {"limit": "10", **asked}.items())
    for _page in range(40):
        page = foreign.desk().get(address).get_data(as_text=True)
        rows = keys(page) or re.findall(r"<tr>(.*?)</tr>", page.partition("<tbody>")[2], re.S)
        found += rows
        further = re.search(r'<a class="btn sm"[^>]*href="([^"]*after=[^"]*)"', page) or re.search(
            r'href="([^"]*after=[^"]*)"', page
        )
        if not further:
            return found
        address = further[1].replace("&amp;", "&")
    raise AssertionError("the list does not end")


# -- keys and names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "rows"),
    [("key_text", 9), ("key_uuid", 30), ("key_date", 3), ("key_pair", 36), ("key_moment", 80), ("key_unique", 25),
     ("key_bytes", 5), ("measured", 80), ("a_matview", 2857)],
)  # fmt: skip
def test_every_kind_of_key_pages_and_opens(foreign: Foreign, table: str, rows: int) -> None:
    place = f"/explorer/ugly.{table}"
    if table == "a_matview":
        found = keys(foreign.desk().get(f"{place}?limit=25").get_data(as_text=True))
    else:
        found = walked(foreign, place)
        assert len(set(found)) == len(found) == rows
    for key in (found[0], found[len(found) // 2], found[-1]):
        assert foreign.desk().get(f"{place}/{key}").status_code == 200, key


def test_a_text_key_may_hold_anything(foreign: Foreign) -> None:
    labels = {
        key: foreign.desk().page(f"/explorer/ugly.key_text/{key}") for key in walked(foreign, "/explorer/ugly.key_text")
    }
    for label in ("Plain", "Slash", "Empty", "A word of ours", "Unicode", "Separators", "Dots", "Markup", "Blanks"):
        assert sum(f"<h1>{label}</h1>" in page for page in labels.values()) == 1, label
    assert all(re.fullmatch(r"[A-Za-z0-9_~,-]+", key) for key in labels)


@pytest.mark.parametrize(
    "key", ["x", "1", "1,2,3", "north", "~zz,1", "s~c3~bcd,x", "s~c3~bcd,99999999999999999999", "~00,1", "s~c3,1"]
)
def test_what_is_no_key_of_the_table_is_no_record(foreign: Foreign, key: str) -> None:
    assert foreign.desk().get(f"/explorer/ugly.key_pair/{key}").status_code == 404


def test_without_a_key_a_list_pages_but_no_row_opens(foreign: Foreign) -> None:
    assert len(walked(foreign, "/explorer/ugly.no_key")) == 130
    page = foreign.desk().page("/explorer/ugly.no_key")
    assert "no primary key" in page and "lie on disk" in page and "rowlink" not in page.partition("<tbody>")[2]
    assert foreign.desk().get("/explorer/ugly.no_key/1").status_code == 404
    assert len(walked(foreign, "/explorer/ugly.no_key", sort="a")) == 130
    assert len(walked(foreign, "/explorer/ugly.parted_no_key")) == 60
    view = foreign.desk().page("/explorer/ugly.a_view?limit=10")
    assert "The first rows are shown" in view and "after=" not in view


def test_every_name_works_in_addresses_and_statements(foreign: Foreign) -> None:
    for schema, name in foreign.tables("Odd Names"):
        place = tablename.path(schema, name)
        assert re.fullmatch(r"/explorer/[A-Za-z0-9_~.-]+", place)
        assert tablename.parts(place.removeprefix("/explorer/")) == (schema, name)
        key = keys(foreign.desk().get(place).get_data(as_text=True))[0]
        record = foreign.desk().get(f"{place}/{key}")
        assert record.status_code == 200
        chooser = foreign.desk().get(f"{place}/columns").get_data(as_text=True)
        for field in re.findall(r'name="cols" value="([^"]*)"', chooser):
            assert re.fullmatch(r"[A-Za-z0-9_]+", field)
            asked = f"sort=-{field}&cols={field}&{field}.null=false"
            assert foreign.desk().get(f"{place}?{asked}").status_code == 200, (place, asked)
    dotted = foreign.desk().get("/explorer/Odd~20Names.with~2edots.json").json
    assert dotted == [{"a.b": 2, "c.gt": "x", "-d": "y", "e,f": "z"}, {"a.b": 1, "c.gt": "x", "-d": "y", "e,f": "z"}]


# -- types -----------------------------------------------------------------------------------------------------------


EVERY_TYPE = "/explorer/ugly.every_type"
WITHOUT_ORDER = frozenset(
    (
        "a_json", "a_jsonb", "a_jsonpath", "an_xml", "a_point", "a_line", "a_lseg", "a_box", "a_path", "a_polygon", "a_circle",
        "a_tsvector", "a_tsquery", "a_place", "some_places", "some_json", "a_bytea", "a_snapshot", "a_regclass",
    )
)  # fmt: skip


def test_every_type_is_taken_out_as_the_database_writes_it(foreign: Foreign) -> None:
    foreign.decide(EVERY_TYPE, "classify", class__an_inet="open", class__a_cidr="open")
    names = foreign.row(
        "SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = 'ugly.every_type'::regclass AND attnum > 0"
    )
    page = foreign.desk().get("/explorer/ugly.every_type/columns").get_data(as_text=True)
    every = ",".join(re.findall(r'name="cols" value="([^"]+)"', page))
    rows = foreign.desk().get(f"/explorer/ugly.every_type.json?sort=id&cols={every}").json
    assert sorted(rows[0]) == sorted(names)
    for number, row in enumerate(rows, 1):
        for name in names:
            said = foreign.row(f'SELECT "{name}"::text FROM ugly.every_type WHERE id = %s', number)
            if name == "a_bytea":
                assert row[name] is None or row[name].startswith("4 bytes, sha256 ")
            elif isinstance(row[name], bool):
                assert str(row[name]).lower() == said
            elif name in ("a_numeric", "a_scaled", "a_real", "a_double") and said is not None:
                assert float(row[name]) == float(said) or said == "NaN", (name, row[name])
            else:
                assert (None if row[name] is None else str(row[name])) == said, (name, row[name])


def test_every_type_shows_filters_and_sorts(foreign: Foreign) -> None:
    desk = foreign.desk()
    record = words(desk.get("/explorer/ugly.every_type/1"))
    for shown in ("1 year 2 mons 3 days 04:05:06", "[1,10)", "{[1,3),[5,9)}", "very happy", "10.0.0.0/8", "08:00:2b:01:02:03",
                  '{"a": 1e400, "a": [1, 2]}', "9223372036854775801", "12345678901234567890.123456789", "$1,234.50", "4294967295",
                  '("High St",4,"(1,2)")', "sha256", "<(0,0),1>", "0.30000000000000004"):  # fmt: skip
        assert shown in record, shown
    assert "<script>alert" not in desk.get("/explorer/ugly.every_type/1").get_data(as_text=True)
    for asked, many in (
        ("an_int4range=[1,10)", 3), ("an_interval.gt=1 day", 4), ("a_date.gte=2024-01-01", 5), ("a_timestamptz=2024-02-29", 3),
        ("a_mood=very happy", 3), ("a_mood.in=sad,ok", 0), ("some_texts.contains=b, c", 3), ("a_jsonb.contains=<i>", 3),
        ("a_point.contains=(1,2)", 3), ("a_numeric=NaN", 1), ("a_status=open", 3), ("a_bool=true", 1), ("a_uuid.null=true", 4),
        ("an_int8.gt=9223372036854775801", 2), ("a_timestamp.lt=2000-01-01", 2), ("a_small=7", 7), ("a_cidr=10.0.0.0/8", 3),
    ):  # fmt: skip
        response = desk.get(f"{EVERY_TYPE}.json?{quote(asked, safe='=')}")
        assert response.status_code == 200, (asked, response.text)
        assert len(response.json) == many, asked
    for asked in (
        "an_int4range=nonsense",
        "an_interval.gt=x",
        "a_mood=furious",
        "a_point=(1,2)",
        "a_bytea=x",
        "a_uuid=1",
    ):
        assert desk.get(f"/explorer/ugly.every_type?{asked}").status_code == 400, asked
    heads = desk.get("/explorer/ugly.every_type/columns").get_data(as_text=True)
    for name in re.findall(r'name="cols" value="([^"]+)"', heads):
        response = desk.get(f"{EVERY_TYPE}.json?sort=-{name}&cols={name}")
        assert response.status_code == (400 if name in WITHOUT_ORDER else 200), name


# -- references ------------------------------------------------------------------------------------------------------


def test_references_lead_there_and_back(foreign: Foreign) -> None:
    desk = foreign.desk()
    rows = desk.page("/explorer/ugly.by_code")
    assert '<a class="rowlink" href="/explorer/ugly.key_text/a~2fb~3fc~23d">Slash</a>' in rows
    assert '<a class="rowlink" href="/explorer/ugly.key_text/~">Empty</a>' in rows
    thing = desk.page("/explorer/ugly.key_text/a~2fb~3fc~23d")
    assert "by_code" in thing and 'href="/explorer/ugly.by_code/1?from=' in thing
    child = desk.page("/explorer/ugly.tree/5")
    assert 'href="/explorer/ugly.tree/2">Node 2</a>' in child and "Node 10" in child and "Node 11" in child
    assert 'href="/explorer/ugly.by_code?unique_thing=' not in rows


def test_a_reference_of_several_columns_leads_there_and_back(foreign: Foreign) -> None:
    line = foreign.desk().page("/explorer/ugly.pair_lines/2")
    assert 'href="/explorer/ugly.key_pair/s~c3~bcd,3">süd 3</a>' in line
    pair = foreign.desk().page("/explorer/ugly.key_pair/s~c3~bcd,3")
    assert "pair_lines" in pair and pair.count('href="/explorer/ugly.pair_lines/') >= 10
    more = re.search(r'href="([^"]*rel=[^"]*after=[^"]*)" rel="next"', pair)
    assert more
    second = foreign.desk().get(more[1], **{"HX-Request-Type": "partial"}).get_data(as_text=True)
    assert 0 < second.count("<tr data-key") < 10
    assert 'href="/explorer/ugly.pair_lines?pair_region=s%C3%BCd&amp;pair_number=3"' in pair.replace(
        "&pair", "&amp;pair"
    )


def test_links_to_and_from_declared_tables(foreign: Foreign) -> None:
    foreign.run("CREATE TABLE ugly.visits (id int PRIMARY KEY, tenant_id bigint REFERENCES console.tenants, what text,"
                " customer_id bigint REFERENCES console.customers)")  # fmt: skip
    key = foreign.house.given("customers", name="Bluestem", status="active")
    foreign.run(f"INSERT INTO ugly.visits VALUES (1, {foreign.house.tenant_id}, 'Roof seen', {key})")
    other = foreign.row("INSERT INTO console.tenants (slug, name) VALUES ('neighbour', 'Neighbour') RETURNING id")
    foreign.run(f"INSERT INTO ugly.visits VALUES (2, {other}, 'Not yours', NULL)")
    rows = foreign.desk("operations_manager").page("/explorer/ugly.visits")
    assert f'href="/crm/customers/{key}">Bluestem</a>' in rows
    assert (
        "Not yours" not in rows and foreign.desk("operations_manager").get("/explorer/ugly.visits/2").status_code == 404
    )
    assert "Not yours" in foreign.desk("owner").page("/explorer/ugly.visits")
    # Who may not read customers sees the number alone.
    assert "Bluestem" not in foreign.desk("admin").page("/explorer/ugly.visits")
    assert "Roof seen" in foreign.desk("operations_manager").page(f"/crm/customers/{key}")
    assert "Roof seen" not in foreign.desk("sales").page(f"/crm/customers/{key}")


# -- masks -----------------------------------------------------------------------------------------------------------

PLACE = "/explorer/ugly.people"
SUSPECTS = ("first_name", "last_name", "email", "phone", "birth_date", "street", "c_ip", "salary")


def seen(foreign: Foreign, role: str, field: str) -> str:
    return foreign.desk(role).get(f"{PLACE}.csv?cols=id,{field}").get_data(as_text=True)


def test_what_looks_private_is_hidden_until_somebody_says_what_it_is(foreign: Foreign) -> None:
    page = foreign.desk().page(f"{PLACE}?cols=id,first_name,email,street,favourite_colour")
    assert page.count("••••") >= 36 and "blue" in page
    for field in ("first_name", "email", "phone", "birth_date", "street", "ssn", "iban", "password_hash", "api_key"):
        for asked in (f"sort={field}", f"{field}=x"):
            assert foreign.desk().get(f"{PLACE}?{asked}").status_code == 400, asked
    assert foreign.desk().get(f"{PLACE}?q=907").get_data(as_text=True).count("<tr data-key") == 0
    assert foreign.desk().get("/explorer/ugly.by_email").get_data(as_text=True).count('<a class="rowlink"') == 0
    assert "Its key looks personal" in foreign.desk().page("/explorer/ugly.by_email")


@pytest.fixture
def unclassified(foreign: Foreign) -> Iterator[None]:
    """Whatever is said of the people here is forgotten again."""
    yield
    foreign.run("DELETE FROM console.explorer_columns WHERE table_name = 'people'")


@pytest.mark.usefixtures("unclassified")
def test_classes_decide_who_sees_a_column(foreign: Foreign) -> None:
    assert foreign.desk("auditor").send(f"{PLACE}/classify", foreign.desk().form(
        foreign.desk().get(f"{PLACE}/structure").get_data(as_text=True), "csrf_token")).status_code in (400, 404)  # fmt: skip
    answer = foreign.decide(
        PLACE,
        "classify",
        reason="looked",
        class__first_name="open",
        class__email="personal",
        class__favourite_colour="secret",
    )
    assert answer.status_code == 303
    assert ugly.PRIVATE in seen(foreign, "auditor", "first_name")
    assert ugly.PRIVATE not in seen(foreign, "operations_manager", "email")
    assert ugly.PRIVATE in seen(foreign, "admin", "email") and ugly.PRIVATE in seen(foreign, "owner", "email")
    assert "blue" not in foreign.desk().page(PLACE)
    kept = "SELECT count(*) FROM console.change_entries WHERE table_name = 'explorer_columns' AND after ->> 'table_name' = %s"
    assert foreign.row(kept, "people") == 3
    foreign.decide(
        PLACE,
        "classify",
        class__first_name="personal",
        class__email="secret",
        class__favourite_colour="open",
    )
    assert ugly.PRIVATE not in seen(foreign, "auditor", "first_name") and "blue" in foreign.desk().page(PLACE)
    assert foreign.desk().get(f"{PLACE}?sort=email").status_code == 400


def test_a_forged_class_or_column_is_refused(foreign: Foreign) -> None:
    assert foreign.decide(PLACE, "classify", class__phone="everything").status_code == 422
    assert ugly.PRIVATE not in seen(foreign, "owner", "phone")


# -- what changes between two clicks ---------------------------------------------------------------------------------


def test_changes_of_the_schema_are_noticed_at_once(foreign: Foreign) -> None:
    desk = foreign.desk()
    foreign.run("CREATE TABLE ugly.changing (id int PRIMARY KEY, name text, old text)")
    foreign.run("INSERT INTO ugly.changing VALUES (1, '12', 'gone soon')")
    for _again in range(7):  # often enough for the statement to be prepared
        assert "gone soon" in desk.page("/explorer/ugly.changing")
    foreign.run("ALTER TABLE ugly.changing DROP COLUMN old, ADD COLUMN fresh text DEFAULT 'brand new'")
    foreign.run("ALTER TABLE ugly.changing ALTER name TYPE int USING name::int")
    page = desk.page("/explorer/ugly.changing")
    assert "brand new" in page and "gone soon" not in page
    assert desk.get("/explorer/ugly.changing?sort=old").status_code == 400
    foreign.run("ALTER TABLE ugly.changing RENAME TO changed")
    assert "no longer" in desk.page("/explorer/ugly.changing", 404) and "brand new" in desk.page(
        "/explorer/ugly.changed"
    )
    foreign.run("DROP TABLE ugly.changed")
    for page in ("", "/1", "/structure", "/1/edit", ".csv", "/history"):
        assert desk.get(f"/explorer/ugly.changed{page}").status_code == 404, page


def test_another_table_of_a_declared_name_says_how_it_differs(foreign: Foreign) -> None:
    page = foreign.desk().page("/explorer/public.customers")
    assert "bears the name of Customers" in page
    assert "It has besides Id, VAT no, balance." in page and "name is character varying(80), not text" in page


def test_a_table_the_console_may_not_read_names_the_grant(foreign: Foreign) -> None:
    """What a role may read is the same in all databases of a server, so it is taken away only where nobody else sees it."""
    with create_engine(psycopg_url(foreign.root_url)).connect() as connection:
        for statement in (
            "CREATE SCHEMA shut", "CREATE TABLE shut.away (id int PRIMARY KEY, name text)",
            "REVOKE pg_read_all_data FROM console_app", "SET LOCAL search_path TO console, public",
            "SET LOCAL ROLE console_app",
        ):  # fmt: skip
            connection.exec_driver_sql(statement)
        resource = reflect.find(connection, "shut", "away")
        assert resource is not None
        why = closed(resource, foreign.desk().actor)
        connection.rollback()
    assert why is not None
    assert 'GRANT USAGE ON SCHEMA "shut" TO "console_app"; GRANT SELECT ON "shut"."away" TO "console_app";' in why


def test_the_forms_of_a_list_work_without_script(foreign: Foreign) -> None:
    panel = "/explorer/ugly.many/filters"
    assert (
        foreign.desk()
        .get(panel)
        .get_data(as_text=True)
        .count('<li><a class="" href="/explorer/ugly.many/filters?field=')
        == 6
    )
    form = next(
        each
        for each in Forms(foreign.desk().get(f"{panel}?field=status").get_data(as_text=True)).forms
        if each.action == panel
    )
    assert form.values["add"] == "status"
    assert foreign.desk().get(f"{panel}?add=status&op=eq&value=open").location == "/explorer/ugly.many?status=open"
    found = foreign.desk().get("/lookups/explorer/ugly.key_text/code?q=Sla", Accept="application/json").json
    assert found == [{"key": "a/b?c#d", "label": "Slash", "detail": ""}]
    assert json.loads(foreign.desk().get("/explorer/ugly.many.json?id=7").data)[0]["name"] == "Row 7"
