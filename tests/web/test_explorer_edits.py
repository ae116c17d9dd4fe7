"""Rows of tables nobody declared are changed once somebody opened the table; each change is recorded and undone like others."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.web.foreign import Foreign, keys

GUARDED = "/explorer/ugly.guarded"


@pytest.fixture
def guarded(foreign: Foreign) -> Iterator[str]:
    """A table open for editing, with its five rows as they were."""
    foreign.run("TRUNCATE ugly.guarded")
    foreign.run(
        "INSERT INTO ugly.guarded (id, name, slug, qty) SELECT n, 'Guarded ' || n, 'g' || n, n FROM generate_series(1, 5) n"
    )
    yield foreign.opened("guarded")
    foreign.decide(GUARDED, "close")


def entries(foreign: Foreign, table: str) -> list[Any]:
    return foreign.root.execute(
        "SELECT e.record_id, e.operation, e.before, e.after, s.actor_type, s.reason FROM console.change_entries e"
        " JOIN console.change_sets s ON s.id = e.change_set_id WHERE e.table_name = %s ORDER BY e.id",
        [f"ugly.{table}"],
    ).fetchall()


def last_set(foreign: Foreign) -> int:
    return int(foreign.row("SELECT max(id) FROM console.change_sets"))


# -- who may, and when -----------------------------------------------------------------------------------------------


def test_a_table_is_read_only_until_somebody_opens_it_with_a_reason(foreign: Foreign) -> None:
    owner = foreign.desk()
    assert "Nobody has opened this table for editing yet" in owner.page(f"{GUARDED}/1")
    for page in ("/1/edit", "/new", "/1/delete", "/1/cells/slug"):
        assert owner.get(GUARDED + page).status_code == 403, page
    assert foreign.decide(GUARDED, "open", reason=" ").status_code == 422
    assert foreign.desk("auditor").get(f"{GUARDED}/1/edit").status_code == 404
    foreign.opened("guarded")
    assert owner.get(f"{GUARDED}/1/edit").status_code == 200
    assert foreign.row("SELECT reason FROM console.change_sets WHERE action = 'explorer.open' ORDER BY id DESC LIMIT 1")
    assert "so that it can be put right" in owner.page(f"{GUARDED}/structure")
    assert foreign.desk("ai_operator").get(f"{GUARDED}/1/edit").status_code == 404
    foreign.decide(GUARDED, "close")
    assert owner.get(f"{GUARDED}/1/edit").status_code == 403


@pytest.mark.parametrize("table", ["no_key", "a_view", "a_matview", "nearly_key", "a_foreign_table"])
def test_what_cannot_be_edited_cannot_be_opened(foreign: Foreign, table: str) -> None:
    answer = foreign.decide(f"/explorer/ugly.{table}", "open", reason="try")
    assert answer.status_code in (404, 409)


def test_a_table_the_console_may_not_write_names_the_grant(foreign: Foreign) -> None:
    place = foreign.opened("empty")
    assert 'GRANT INSERT, UPDATE, DELETE ON "ugly"."empty" TO "console_app";' in foreign.desk().page(place)
    foreign.decide(place, "close")


def test_managing_is_for_managers(foreign: Foreign) -> None:
    for role in ("ai_operator", "auditor"):
        desk = foreign.desk(role)
        page = desk.get(f"{GUARDED}/structure").get_data(as_text=True)
        assert "Open for editing" not in page and "Save classes" not in page
        form = desk.form(page, "csrf_token")
        for what in ("open", "close", "govern", "ungovern", "classify"):
            assert desk.send(f"{GUARDED}/{what}", form, reason="x").status_code == 404


# -- writing ---------------------------------------------------------------------------------------------------------


def test_an_edit_is_recorded_and_undone(foreign: Foreign, guarded: str) -> None:
    desk = foreign.desk("operations_manager")
    before = len(entries(foreign, "guarded"))
    assert desk.edit(f"{guarded}/2/edit", name="Guarded anew", qty="20", reason="typo").status_code == 303
    assert foreign.row("SELECT name, qty, shout FROM ugly.guarded WHERE id = 2") == ("Guarded anew", 20, "GUARDED ANEW")
    found = entries(foreign, "guarded")[before:]
    assert found == [
        ("2", "update", {"name": "Guarded 2", "qty": 2, "shout": "GUARDED 2"},
         {"name": "Guarded anew", "qty": 20, "shout": "GUARDED ANEW"}, "user", "typo")
    ]  # fmt: skip
    assert "Guarded anew" in desk.page(f"{guarded}/2/history") and "typo" in desk.page(f"{guarded}/history")
    assert desk.press(f"/change-sets/{last_set(foreign)}/undo").status_code == 303
    assert foreign.row("SELECT name, qty FROM ugly.guarded WHERE id = 2") == ("Guarded 2", 2)


def test_only_what_was_touched_is_written(foreign: Foreign) -> None:
    place, desk = foreign.opened("every_type"), foreign.desk()
    foreign.decide(place, "classify", class__an_inet="open", class__a_cidr="open")
    whole = "SELECT array_agg(t.* ::text ORDER BY id) FROM ugly.every_type t"
    was, sets = foreign.row(whole), last_set(foreign)
    for key in range(1, 8):
        assert desk.edit(f"{place}/{key}/edit").status_code == 303, key
    assert foreign.row(whole) == was and last_set(foreign) == sets
    desk.edit(f"{place}/1/edit", a_text="plain")
    assert foreign.row(
        "SELECT array(SELECT jsonb_object_keys(after) FROM console.change_entries ORDER BY id DESC LIMIT 1)"
    ) == ["a_text"]
    assert desk.press(f"/change-sets/{last_set(foreign)}/undo").status_code == 303
    assert foreign.row(whole) == was


EDITS = {
    "an_int2": "7", "an_int8": "-9223372036854775808", "a_numeric": "0.10", "a_double": "2.5", "some_money": "$7.00",
    "a_bool": "false", "a_varchar": "short", "a_date": "2025-03-01", "a_time": "07:30", "a_timestamp": "2025-03-01 07:30",
    "a_timestamptz": "2025-03-01 07:30+00", "an_interval": "2 days", "a_uuid": "00000000-0000-4000-8000-000000000000",
    "a_macaddr": "00:00:00:00:00:01", "a_bit": "00001", "a_varbit": "101", "a_jsonb": "[1, 2]",
    "a_point": "(3,4)", "a_polygon": "((0,0),(2,2),(2,0))", "an_int4range": "[3,5)", "a_tstzrange": "empty",
    "a_multirange": "{[1,2)}", "some_texts": '{"x, y",z}', "some_ints": "{7,8}", "a_matrix": "{{1}}", "some_moods": "{sad}",
    "a_mood": "sad", "a_percentage": "12.5", "a_code": "XYZ", "a_small": "8", "a_status": "closed", "some_weights": "[2,3)",
    "an_xid": "5", "an_lsn": "0/1", "a_oid": "", "a_jsonpath": '$."b"',
}  # fmt: skip
WRONG = {
    "an_int2": "40000", "a_numeric": "x", "a_varchar": "x" * 41, "a_date": "yesterday-ish", "an_interval": "soonish",
    "a_uuid": "1", "a_json": "{", "a_point": "1,2,3", "an_int4range": "[5,1)", "some_ints": "{a}", "a_mood": "furious",
    "a_percentage": "101", "a_multirange": "{", "a_timestamptz": "25:00",
}  # fmt: skip


def test_every_type_is_edited_as_it_is_written_and_refused_in_words(foreign: Foreign) -> None:
    place, desk = foreign.opened("every_type"), foreign.desk()
    form = desk.opened(f"{place}/2/edit")
    given = {name: value for name, value in EDITS.items() if name in form.values or name == "a_bool"}
    assert len(given) >= len(EDITS) - 1
    was = foreign.row("SELECT t.*::text FROM ugly.every_type t WHERE id = 2")
    assert desk.send(f"{place}/2/edit", form, **given).status_code == 303
    some = (
        "SELECT an_interval::text, some_texts::text, a_mood::text, a_multirange::text FROM ugly.every_type WHERE id = 2"
    )
    assert foreign.row(some) == ("2 days", '{"x, y",z}', "sad", "{[1,2)}")
    assert desk.press(f"/change-sets/{last_set(foreign)}/undo").status_code == 303
    assert foreign.row("SELECT t.*::text FROM ugly.every_type t WHERE id = 2") == was
    for name, value in WRONG.items():
        answer = desk.edit(f"{place}/2/edit", **{name: value})
        assert answer.status_code == 422, name
        assert "Nothing was saved" in answer.text and 'class="err"' in answer.text, name
    for fixed in ("a_generated", "id", "a_bytea", "a_tsvector", "a_place"):
        assert fixed not in form.values
        assert desk.send(f"{place}/2/edit", form, **{fixed: "1"}).status_code == 303  # what no form offers is not read
    assert foreign.row("SELECT t.*::text FROM ugly.every_type t WHERE id = 2") == was
    assert "The database computes it from other columns" in desk.page(f"{place}/2/edit")


def test_rows_are_made_and_deleted_and_brought_back(foreign: Foreign, guarded: str) -> None:
    desk = foreign.desk()
    answer = desk.edit(f"{guarded}/new", id="77", name="Guarded new", slug="g77", qty="1")
    assert answer.status_code == 303 and answer.location.endswith("/77")
    assert desk.edit(f"{guarded}/new", id="77", name="Twice", slug="other", qty="1").status_code == 422
    for wrong, words in (({"name": "ab"}, "do not go together"), ({"qty": "0"}, "do not go together"),
                         ({"slug": "g1"}, "already has this"),
                         ({"name": ""}, "cannot stay empty")):  # fmt: skip
        answer = desk.edit(f"{guarded}/new", **{"id": "78", "name": "Fine", "slug": "g78", "qty": "1", **wrong})
        assert answer.status_code == 422 and words in answer.text, wrong
    assert desk.press(f"{guarded}/77/delete").status_code == 303
    assert desk.get(f"{guarded}/77").status_code == 404
    assert desk.press(f"/change-sets/{last_set(foreign)}/undo").status_code == 303
    assert foreign.row("SELECT name, slug, qty FROM ugly.guarded WHERE id = 77") == ("Guarded new", "g77", 1)
    made = foreign.desk().edit(f"{foreign.opened('key_uuid')}/new", title="Given a key by the database")
    assert re.search(r"/[0-9a-f-]{36}$", made.location)
    assert desk.press(f"/change-sets/{last_set(foreign)}/undo").status_code == 303
    assert desk.get(made.location).status_code == 404


def test_rows_of_any_key_are_edited_and_undone(foreign: Foreign) -> None:
    desk = foreign.desk()
    for table, key, name in (("key_text", "a~2cb~7ec~252F", "label"), ("key_pair", "north~2c~20upper,3", "note"),
                             ("key_moment", "2024-01-01~2000~3a01~3a30~2b00,1", "reading")):  # fmt: skip
        place = foreign.opened(table)
        value = "9.5" if table == "key_moment" else "changed here"
        was = desk.opened(f"{place}/{key}/edit").values[name]
        assert desk.edit(f"{place}/{key}/edit", **{name: value}).status_code == 303, table
        assert desk.opened(f"{place}/{key}/edit").values[name] == value
        told = desk.page(f"{place}/{key}/history")
        assert "changed" in told, (told[-900:], entries(foreign, table))
        assert desk.press(f"/change-sets/{last_set(foreign)}/undo").status_code == 303
        assert desk.opened(f"{place}/{key}/edit").values[name] == was, table


def test_two_people_merge_or_are_asked(foreign: Foreign, guarded: str) -> None:
    ana, ben = foreign.desk("owner"), foreign.desk("operations_manager")
    place = f"{guarded}/3/edit"
    hers, his = ana.opened(place), ben.opened(place)
    assert ana.send(place, hers, name="Guarded by Ana").status_code == 303
    assert ben.send(place, his, qty="33").status_code == 303
    assert foreign.row("SELECT name, qty FROM ugly.guarded WHERE id = 3") == ("Guarded by Ana", 33)
    his = ben.opened(place)
    foreign.run("UPDATE ugly.guarded SET name = 'Guarded by psql' WHERE id = 3")
    answer = ben.send(place, his, name="Guarded by Ben", slug="ben")
    assert answer.status_code == 409
    for words in ("Guarded by Ana", "Guarded by psql", "Guarded by Ben"):
        assert words in answer.text
    assert foreign.row("SELECT name, slug FROM ugly.guarded WHERE id = 3") == ("Guarded by psql", "g3")
    choosing = ben.form(answer.text, "version")
    assert ben.send(place, choosing, name="Guarded by Ben").status_code == 303
    assert foreign.row("SELECT name, slug FROM ugly.guarded WHERE id = 3") == ("Guarded by Ben", "ben")


def test_a_value_is_edited_in_its_place(foreign: Foreign, guarded: str) -> None:
    desk = foreign.desk()
    editor = desk.form(desk.get(f"{guarded}/4/cells/slug", **{"HX-Request-Type": "partial"}).text, "slug")
    assert desk.send(f"{guarded}/4/cells/slug", editor, slug="in place").status_code == 303
    assert foreign.row("SELECT slug FROM ugly.guarded WHERE id = 4") == "in place"
    foreign.run("UPDATE ugly.guarded SET slug = 'theirs' WHERE id = 4")
    answer = desk.send(f"{guarded}/4/cells/slug", editor, slug="mine")
    assert answer.status_code == 409 and "theirs" in answer.text
    assert (
        desk.get(f"{guarded}/4/cells/shout").status_code == 403
        and desk.get(f"{guarded}/4/cells/nothing").status_code == 404
    )


def test_a_secret_value_never_enters_the_ledger(foreign: Foreign) -> None:
    place, desk = foreign.opened("people"), foreign.desk()
    assert "password_hash" not in desk.opened(f"{place}/1/edit").values
    assert desk.edit(f"{place}/1/edit", favourite_colour="green").status_code == 303
    assert desk.press(f"{place}/2/delete").status_code in (303, 422)
    told = json.dumps([row[2:4] for row in entries(foreign, "people")])
    assert "sk_live" not in told


# -- the ledger over a foreign table ---------------------------------------------------------------------------------


def test_a_governed_table_tells_of_every_change_whoever_makes_it(foreign: Foreign) -> None:
    place = "/explorer/ugly.key_pair"
    desk, before = foreign.desk(), len(entries(foreign, "key_pair"))
    foreign.run("UPDATE ugly.key_pair SET note = 'unseen' WHERE number = 5")
    assert len(entries(foreign, "key_pair")) == before
    assert foreign.decide(place, "govern", reason="to know who changes it").status_code == 303
    foreign.run("UPDATE ugly.key_pair SET note = 'by psql' WHERE region = 'süd' AND number = 5")
    foreign.run("INSERT INTO ugly.key_pair VALUES ('new, one', 1, 'made by psql', NULL, NULL, NULL)")
    foreign.run("DELETE FROM ugly.key_pair WHERE region = 'new, one'")
    found = entries(foreign, "key_pair")[before:]
    assert [(row[0], row[1], row[4]) for row in found] == [
        ('["süd", "5"]', "update", "outside"), ('["new, one", "1"]', "insert", "outside"),
        ('["new, one", "1"]', "delete", "outside"),
    ]  # fmt: skip
    assert "by psql" in desk.page(f"{place}/s~c3~bcd,5/history")
    foreign.opened("key_pair")
    assert desk.edit(f"{place}/s~c3~bcd,5/edit", note="by hand").status_code == 303
    assert len(entries(foreign, "key_pair")) == before + 4  # once, by the trigger alone
    assert desk.press(f"/change-sets/{last_set(foreign)}/undo").status_code == 303
    assert foreign.row("SELECT note FROM ugly.key_pair WHERE region = 'süd' AND number = 5") == "by psql"
    assert foreign.decide(place, "ungovern").status_code == 303
    foreign.run("UPDATE ugly.key_pair SET note = 'unseen again' WHERE number = 5")
    assert len(entries(foreign, "key_pair")) == before + 5
    # Only the table's owner may drop a trigger; until then they do nothing, and the page says how.
    assert 'DROP TRIGGER ledger_insert ON "ugly"."key_pair";' in desk.page(f"{place}/structure")


def test_a_table_that_is_not_the_console_s_to_govern_names_the_grant(foreign: Foreign) -> None:
    answer = foreign.decide("/explorer/ugly.tree", "govern", reason="try")
    assert answer.status_code == 409
    assert "GRANT TRIGGER, SELECT ON" in answer.text and foreign.row(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'ugly.tree'::regclass AND NOT tgisinternal") == 0  # fmt: skip


@pytest.mark.parametrize(
    "forgery",
    [
        "SELECT console.record_here('ugly.guarded', '1', 'update', '{\"a\": 1}', '{\"a\": 2}', '{}')",
        "SELECT console.record_here('console.customers', '1', 'update', '{\"a\": 1}', '{\"a\": 2}', '{}')",
        "SELECT console.ungovern_foreign('console.customers')",
        "SELECT console.govern_foreign('console.customers', '{}')",
        "INSERT INTO console.change_entries (change_set_id, table_name, record_id, operation) VALUES (1, 'x', '1', 'insert')",
    ],
)
def test_the_console_cannot_write_history_but_by_changing_something(foreign: Foreign, forgery: str) -> None:
    foreign.run("SET ROLE console_app")
    try:
        with pytest.raises(psycopg.Error, match="permission denied"):
            foreign.run(forgery)
    finally:
        foreign.run("RESET ROLE")


def test_no_change_of_a_foreign_table_happens_unasked(foreign: Foreign) -> None:
    """Looking at everything leaves their catalogue as it was."""
    state = "SELECT sum(xmin::text::bigint), count(*) FROM pg_class WHERE relnamespace::regnamespace::text = 'legacy'"
    was = foreign.row(state)
    for table in ("/explorer/public.customers", "/explorer/legacy.orders_0010"):
        page = foreign.desk().get(table).get_data(as_text=True)
        for key in keys(page)[:1]:
            foreign.desk().page(f"{table}/{key}")
    assert foreign.row(state) == was


def test_rows_are_edited_in_their_list_and_saved_together(foreign: Foreign, guarded: str) -> None:
    desk, part = foreign.desk(), {"HX-Request": "true", "HX-Request-Type": "partial"}
    assert re.search(r'<td data-field="slug" class="[^"]*can-edit', desk.get(guarded).text)
    collected = []
    for key in (1, 2):
        here = f"{guarded}/{key}/cells/slug"
        form = desk.form(desk.get(f"{here}?in=list", **part).text, "slug")
        with desk.client.application.app_context():
            tried = desk.client.patch(here, data={**form.values, "slug": f"new {key}", "stage": "1"}, headers=part)
        collected.append(json.loads(html.unescape(re.search(r'data-staged="([^"]*)"', tried.text)[1])))  # type: ignore[index]
    assert [each["now"] for each in collected] == ["new 1", "new 2"]
    foreign.run("UPDATE ugly.guarded SET slug = 'theirs' WHERE id = 2")
    form = desk.opened("/account", "csrf_token")
    answer = desk.send(f"{guarded}/cells", form, changes=json.dumps(collected))
    assert answer.status_code == 409
    (problem,) = answer.get_json()["problems"]
    assert (problem["key"], problem["theirs"]) == ("2", "theirs")
    assert foreign.row("SELECT slug FROM ugly.guarded WHERE id = 1") != "new 1"
    assert desk.send(f"{guarded}/cells", form, changes=json.dumps(collected[:1])).status_code == 200
    assert foreign.row("SELECT slug FROM ugly.guarded WHERE id = 1") == "new 1"
