"""A report says built only of what is there, compares with what was, and is due when its company sleeps."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.core import clock
from app.domains.platform.audit import api, report, taking
from app.domains.platform.audit.comparison import compare
from app.domains.platform.audit.features import CATEGORIES, FEATURES, Feature
from app.domains.platform.audit.features.feature import Use, answer, code, move, page, task
from app.domains.platform.audit.judging import judge
from app.domains.platform.audit.known import Known, Role, is_written
from app.domains.platform.audit.markdown import markdown, plain
from app.domains.platform.audit.pages import Page
from app.domains.platform.audit.report import FeatureLine, JobLine, Report, TableLine
from app.domains.platform.audit.using import Counted
from app.engine.outbound import NotCalled
from app.engine.registry import discover

AT = datetime(2026, 8, 12, 9, 41, tzinfo=UTC)


def test_thirty_features_and_ten_categories_name_only_tables_and_columns_there_are() -> None:
    registry = discover()
    assert [each.number for each in FEATURES] == list(range(1, 31)) and len(CATEGORIES) == 10
    every = [*FEATURES, *CATEGORIES]
    assert [name for each in every for name in each.tables if name not in registry] == []
    uses = [use for each in every for use in each.uses]
    assert [use for use in uses if {use.at, *use.where} - set(registry[use.table].table.c.keys())] == []


# -- judging ---------------------------------------------------------------------------------------------------------

ROLES = (
    Role("owner", "Owner", frozenset({"*.*"}), frozenset({1})),
    Role("sales", "Sales", frozenset({"leads.*"}), frozenset({2, 3})),
    Role("worker", "Worker", frozenset({"*.read"}), frozenset()),
)
KNOWN = Known(
    tables={},
    pages=(
        Page("/leads/board", ("GET",), "leads.read", None, "Customers, Board"),
        Page("/vault", ("GET",), "vault.read"),
        Page("/hooks/<name>", ("POST",), "open"),
    ),
    roles=ROLES,
    tasks=frozenset({"leads.rescore"}),
    moves=frozenset({"leads.win"}),
    checks=frozenset(),
)
BOARD = page("a board", "/leads/*")


def line(*parts: object, uses: tuple[Use, ...] = (), counted: Counted | None = None) -> FeatureLine:
    return judge(Feature("x", "X", "It works.", parts=parts, uses=uses), KNOWN, lambda _use: counted, {})  # type: ignore[arg-type]


def test_built_is_what_was_found_part_by_part() -> None:
    whole = line(BOARD, move("winning", "leads.win"), task("rescoring", "leads.*"))
    assert (whole.built, whole.found, whole.missing) == ("all", 3, ())
    part = line(BOARD, task("a worker that sends", "outbox.*"))
    assert (part.built, part.missing) == ("some", ("a worker that sends",))
    none = line(code("a provider", "app.domains.ai.no_such:thing"), answer("hooks for it", "/never/*"))
    assert (none.built, none.reachable, none.reached_by[0].text) == ("none", False, "No page leads to it.")
    assert is_written("app.engine.listing:row_scope") and not is_written("app.engine.listing:row_scopes")


def test_reachable_is_by_somebody_beside_the_owner_and_whom_nobody_is() -> None:
    open_to_sales = line(BOARD)
    assert open_to_sales.reachable
    assert open_to_sales.reached_by[0].text == "Sales may open 1 page of it; 2 colleagues hold such a role."
    assert open_to_sales.reached_by[1].text == "In the navigation: Customers › Board."
    shut = line(page("a vault", "/vault"))
    assert (shut.reachable, shut.reached_by[0].text) == (False, "Only the owner may open 1 page of it.")
    assert not line(answer("hooks", "/hooks/*")).reachable, "programs ask there, nobody opens it"


@pytest.mark.parametrize(
    ("counted", "used", "says"),
    [
        (Counted(3, AT), True, "Leads won: 3 in the last 30 days, the newest 12 Aug 2026."),
        (Counted(10_001, AT), True, "Leads won: more than 10,000 in the last 30 days"),
        (Counted(0), False, "Leads won: none in the last 30 days."),
        (Counted(None), False, "Leads won: not counted, it took too long."),
        (None, False, "Leads won: not counted, the table leads is not there."),
    ],
)
def test_used_is_counted_or_said_not_to_be(counted: Counted | None, used: bool, says: str) -> None:
    found = line(BOARD, uses=(Use("leads won", "leads", "won_at"),), counted=counted)
    assert found.used is used and found.used_by[0].text.startswith(says)


# -- comparing -------------------------------------------------------------------------------------------------------


def a_report(*tables: tuple[str, str], **known: object) -> Report:
    lines = tuple(TableLine(name, "crm", "table", verdict, "So it is.") for name, verdict in tables)
    return Report(AT, "Ridge", "America/Denver", "1.0, schema 0024", tables=lines, **known)  # type: ignore[arg-type]


def test_what_appeared_vanished_came_alive_went_quiet_and_broke_is_told_by_name() -> None:
    before = a_report(("a", "live"), ("b", "quiet"), ("c", "live"), ("d", "quiet"), ("e", "broken"), ("f", "empty"))
    after = a_report(("b", "live"), ("c", "look_alike"), ("d", "broken"), ("e", "quiet"), ("f", "empty"), ("g", "live"))
    found = compare(after, before)
    assert {(each.name, each.what) for each in found.of("table")} == {
        ("a", "vanished"), ("b", "came_alive"), ("c", "went_quiet"), ("d", "broke"), ("e", "mended"), ("g", "appeared")
    }  # fmt: skip
    assert found.counts == {"live": 0, "quiet": -1, "empty": 0, "look_alike": 1, "broken": 0}
    assert compare(after, after).differences == ()


def test_features_and_jobs_are_compared_too() -> None:
    feature = FeatureLine("email", "E-mail", "Sent.", 21, "some", 3, 5, reachable=True, used=True)
    job = JobLine("ledger.seal", "code", "every minute", "ran", evidence="It went well.")
    before = a_report(features=(feature,), jobs=(job,))
    after = a_report(
        features=(replace(feature, built="all", found=5, used=False, reachable=False),),
        jobs=(replace(job, verdict="failing"), JobLine("new", "queue", "", "undeclared", evidence="Found.")),
    )
    said = {(each.kind, each.name, each.what) for each in compare(after, before).differences}
    assert said == {("feature", "E-mail", "better"), ("feature", "E-mail", "worse"), ("feature", "E-mail", "went_quiet"),
                    ("job", "ledger.seal", "broke"), ("job", "new", "appeared")}  # fmt: skip


def test_a_report_is_read_back_as_it_was_kept_and_not_where_its_form_is_unknown() -> None:
    declared = api.by_file(json.dumps({"openapi": "3.1.0", "paths": {"/api/v1/leads": {"get": {}}}}).encode(), "x.json")
    whole = a_report(("a", "live"), features=(line(BOARD),), jobs=(JobLine("j", "code"),), api=declared)
    assert report.read(json.loads(json.dumps(whole.plain()))) == whole
    assert report.read(1) is None and report.read({"version": 99}) is None


def test_markdown_stays_text_whatever_a_table_is_called() -> None:
    said = markdown(a_report(("x|<b>[y](z)`\n# w", "quiet")), None, None)
    assert "| x\\|\\<b\\>\\[y\\](z)\\` \\# w | Quiet |" in said
    assert plain("a\nb") == "a b"
    assert "There is no such report to compare with." in said


# -- what an API declares --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"openapi: 3.0.0", "no JSON"),
        (b"[1]", "no OpenAPI 3"),
        (b'{"swagger": "2.0", "paths": {"/x": {}}}', "no OpenAPI 3"),
        (b'{"openapi": "3.0.0", "paths": {}}', "no paths"),
        (b"[" * 200_000, "no JSON"),
        (b" " * (api.LONGEST + 1), "longer than 4 MB"),
    ],
)
def test_what_is_no_openapi_file_is_refused_with_a_sentence(raw: bytes, says: str) -> None:
    with pytest.raises(NotCalled, match=says):
        api.by_file(raw, "x")


def test_operations_stand_by_tag_or_by_how_their_path_begins() -> None:
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Operator", "version": "7"},
        "paths": {
            "/api/v1/leads": {"get": {"tags": ["Customer pipeline"]}, "post": {"tags": ["Customer pipeline"]}},
            "/api/v1/aurea/{id}": {"get": {}},
            "/health": {"get": {"parameters": [{"$ref": "#/components/parameters/who"}]}, "summary": "x"},
            "/odd": "not an operation",
        },
        "components": {"parameters": {"who": {"in": "query", "required": True}}},
    }
    found = api.by_file(json.dumps(document).encode(), "operator.json")
    assert {each.name: len(each.operations) for each in found.modules} == {
        "Customer pipeline": 2, "aurea": 1, "health": 1,
    }  # fmt: skip
    assert found.title == "Operator" and found.probed == 0
    assert {each.verdict for each in found.modules} == {"not_probed"}
    notes = {one.path: one.note for each in found.modules for one in each.operations}
    assert notes["/health"] and notes["/api/v1/aurea/{id}"] and not notes["/api/v1/leads"]
    assert api.kept(json.loads(json.dumps(api.to_keep(found)))).declared == 4


# -- keeping ---------------------------------------------------------------------------------------------------------

ROW = text("""
INSERT INTO system_audits (tenant_id, taken_at, trigger, revision, report)
VALUES (:tenant, :at, 'nightly', 'x', '{}') RETURNING id
""")


@pytest.fixture
def tenant(owner_connection: Connection) -> int:
    made = owner_connection.execute(
        text("INSERT INTO tenants (slug, name, timezone) VALUES ('sleepy', 'Sleepy', 'America/Denver') RETURNING id")
    )
    return int(made.scalar_one())


def test_a_kept_report_is_not_changed_and_the_application_deletes_none(
    owner_connection: Connection, connection: Connection, tenant: int
) -> None:
    owner_connection.execute(ROW, {"tenant": tenant, "at": AT})
    with pytest.raises(DBAPIError, match="is not changed"), owner_connection.begin_nested():
        owner_connection.execute(text("UPDATE system_audits SET tables_live = 9"))
    for statement in ("DELETE FROM system_audits", "UPDATE system_audits SET tables_live = 9"):
        with pytest.raises(DBAPIError, match="permission denied"), connection.begin_nested():
            connection.execute(text(statement))


def test_old_reports_thin_out_to_one_a_week_and_then_one_a_month(owner_connection: Connection, tenant: int) -> None:
    now = clock.now()
    for days in (*range(58), *range(70, 140), *range(800, 900)):
        owner_connection.execute(ROW, {"tenant": tenant, "at": now - timedelta(days=days)})
    owner_connection.execute(text("SELECT prune_audits()"))
    left = owner_connection.scalars(
        text("SELECT taken_at FROM system_audits WHERE tenant_id = :t"), {"t": tenant}
    ).all()
    ages = sorted((now - each).days for each in left)
    assert sum(age < 60 for age in ages) == 58
    assert 10 <= sum(60 < age < 200 for age in ages) <= 12
    assert 4 <= sum(age > 700 for age in ages) <= 5
    assert owner_connection.scalar(text("SELECT prune_audits()")) == 0


@pytest.mark.parametrize(
    ("hour", "last", "due"),
    [(3, None, True), (12, None, False), (3, 24, True), (3, 2, False), (12, 24, False), (12, 31, True)],
)
def test_a_report_is_due_at_night_where_the_company_is_or_when_the_night_was_missed(
    owner_connection: Connection, tenant: int, hour: int, last: int | None, due: bool
) -> None:
    at = clock.now().astimezone(clock.zone_of("America/Denver")).replace(hour=hour, minute=41) + timedelta(days=1)
    if last is not None:
        owner_connection.execute(ROW, {"tenant": tenant, "at": at - timedelta(hours=last)})
    else:
        owner_connection.execute(
            text("UPDATE tenants SET created_at = :at WHERE id = :t"), {"at": at - timedelta(hours=9), "t": tenant}
        )
    with clock.at(at.astimezone(UTC)):
        assert (tenant in taking.due(owner_connection)) is due
