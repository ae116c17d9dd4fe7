"""Priya, new in an empty company, brings a whole CenterPoint export in and works its critical problems to none."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from playwright.sync_api import expect

from app.cli import console
from app.core import processes, startup
from app.domains.crm.centerpoint.export import FOLDER, weigh
from tests.browser.conftest import sign_in
from tests.browser.watched import WIDE, Watched
from tests.conftest import await_http, free_port
from tests.servers import KEY, Database

KEY_OF = json.loads((FOLDER / "answer_key.json").read_text())
pytestmark = pytest.mark.browser
LONG = 900_000
"""Milliseconds a large import may take on a machine that is busy with other things."""
EMAIL, SECOND, PASSWORD = "priya@roofers.example", "omar@roofers.example", "a long enough phrase 7"


@dataclass(frozen=True)
class Empty:
    """A running console, web and worker, of a company that has nothing yet."""

    url: str
    database: Database

    def asked(self, statement: str) -> list[Any]:
        with psycopg.connect(self.database.superuser_url) as connection:
            connection.execute("SET search_path = console, public")
            return connection.execute(statement).fetchall()


@pytest.fixture
def empty_company(fresh_database: Database) -> Iterator[Empty]:
    config = fresh_database.config(port=free_port(), web_threads=4)
    settings = {
        "DATABASE_URL": fresh_database.owner_url, "APP_DATABASE_URL": fresh_database.app_url,
        "DATA_DIR": str(config.data_dir), "SECRET_KEY": KEY,
    }  # fmt: skip
    for email, name in ((EMAIL, "Priya Raman"), (SECOND, "Omar Diaz")):
        made = CliRunner().invoke(
            console, ["staff", "create", email, "--role", "owner", "--name", name, "--password-stdin"],
            env=settings, input=PASSWORD,
        )  # fmt: skip
        assert made.exit_code == 0, made.output
    log_path = config.data_dir / "run.log"
    with log_path.open("wb") as log:
        running = [
            subprocess.Popen(
                command, env=startup.as_environment(config), cwd=startup.ROOT, stdout=log, stderr=log,
                start_new_session=True,
            )
            for command in (processes.web_command(config), [sys.executable, "-m", "app.cli", "worker"])
        ]  # fmt: skip
    try:
        await_http(f"{config.address}/healthz", running[0], log_path.read_text, 90)
        yield Empty(config.address, fresh_database)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(40)


@pytest.fixture
def arrives(browser: Any, empty_company: Empty) -> Iterator[Callable[[str], Watched]]:
    """Somebody signs in for the first time, in a browser of their own, and chooses a password."""
    watched: list[Watched] = []

    def arrive(email: str) -> Watched:
        context = browser.new_context(base_url=empty_company.url, viewport=WIDE, reduced_motion="reduce")
        context.set_default_timeout(60_000)
        person = Watched(context.new_page())
        watched.append(person)
        page = person.page
        sign_in(page, email, PASSWORD)
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_label("New password").fill(f"{PASSWORD} and my own")
        page.get_by_label("The same again").fill(f"{PASSWORD} and my own")
        page.get_by_role("button", name="Change password").click()
        page.get_by_text("Password changed").first.wait_for()
        return person

    yield arrive
    for each in watched:
        each.page.context.close()
        assert not each.said, "\n".join(each.said)


def number(page: Any, table: str, name: str) -> int:
    return int(page.locator(f'tr[data-table="{table}"] [data-n="{name}"]').inner_text().replace(",", ""))


def send(page: Any) -> None:
    """All files of the export at once, in no order."""
    files = [str(path) for path in sorted(FOLDER.iterdir(), reverse=True) if path.suffix in (".csv", ".xlsx")]
    page.get_by_label("All files of the export, or one ZIP").set_input_files(files)
    page.get_by_role("button", name="Read and rehearse").click()


SUMS = {
    "customers": ("open_balance", "lifetime_revenue"), "invoices": ("total", "amount_paid"), "jobs": ("billed_total",),
    "payments": ("amount", "amount_allocated"),
}  # fmt: skip


def all_is_there(company: Empty) -> None:
    """Every row and every sum of money is what the files say, and what was refused is on record with its reason."""
    weighed = weigh()
    for table, records in weighed.tables.items():
        assert company.asked(f"SELECT count(*) FROM {table}") == [(len(records),)], table
    for table, names in SUMS.items():
        wanted = ", ".join(f"coalesce(sum({name}), 0)" for name in names)
        sums = tuple(sum((row[name] or 0 for row in weighed.tables[table]), Decimal()) for name in names)
        assert company.asked(f"SELECT {wanted} FROM {table}") == [sums], table
    states = company.asked("SELECT status, count(*) FROM invoices GROUP BY 1")
    assert dict(states) == Counter(row["status"] for row in weighed.tables["invoices"])
    refused = Counter((each.file, each.key or None, each.reason) for each in weighed.refusals)
    assert Counter(company.asked("SELECT file, record_key, reason FROM import_refusals")) == refused


def waiting(page: Any, rule: str) -> Any:
    """Where the list of queues says how many problems one holds."""
    return page.locator(f'#dq-side a[href="/quality/{rule}"] b')


def put_right(priya: Watched, omar: Watched, rule: str) -> None:
    """All of a queue at once where it offers that, with a second person where it asks for one; the rest is left alone."""
    page = priya.page
    page.goto(f"/quality/{rule}")
    at_once = page.get_by_role("button", name=re.compile("rehearse all"))
    if at_once.count():
        at_once.first.click()
        page.wait_for_url("**/plans/*")
        page.locator("#apply-h").wait_for(timeout=LONG)
        plan = priya.path()
        page.get_by_label("Reason").fill("Found on the first look")
        apply = page.locator("#apply button")
        asks = "approval" in apply.inner_text()
        apply.click()
        if asks:
            priya.toast("Asked for approval")
            omar.go(priya.path().partition("?")[0])
            omar.page.get_by_role("button", name="Approve and carry out").click()
            omar.toast("Approved and carried out")
            page.goto(plan)
        page.locator("#came-h").wait_for(timeout=LONG)
        page.get_by_text(re.compile(", applied$")).first.wait_for(timeout=LONG)
        page.goto(f"/quality/{rule}")
    left = int(waiting(page, rule).text_content().replace(",", ""))
    while left:
        priya.ready()
        priya.press("w")
        page.locator("#waive-reason").fill("CenterPoint has it so; billing asks the customer")
        page.get_by_role("button", name="Leave alone", exact=True).click()
        left -= 1
        expect(waiting(page, rule)).to_have_text(str(left))


def merge_duplicates(priya: Watched) -> None:
    """What matches exactly as one plan, the rest one question after the other by keyboard, until none is left."""
    page = priya.page
    question = page.get_by_role("heading", name="Are these the same customer?")
    page.goto("/duplicates/customers")
    page.get_by_role("button", name=re.compile("^Look (now|again)")).click()
    question.wait_for(timeout=LONG)  # the page follows the worker by itself
    page.get_by_role("button", name=re.compile("exact match")).click()
    page.wait_for_url("**/duplicates/plans/*")
    page.get_by_label("Reason").fill("Entered twice in CenterPoint")
    page.get_by_role("button", name=re.compile("^Merge .* groups?$")).click()
    page.get_by_role("main").get_by_role("button", name="Undo", exact=True).wait_for(timeout=LONG)
    page.goto("/duplicates/customers")
    none = page.get_by_text("No two customers are in question.")
    while True:
        question.or_(none).first.wait_for()
        if none.count():
            return
        priya.ready()
        asked = page.locator("#merge input[name=keys]").get_attribute("value")
        priya.press("m")
        expect(page.locator(f'#merge input[name=keys][value="{asked}"]')).to_have_count(0)


def test_a_new_operator_brings_the_eight_files_in_and_puts_right_what_is_wrong(
    empty_company: Empty, arrives: Callable[[str], Watched]
) -> None:
    priya = arrives(EMAIL)
    page = priya.page
    page.goto("/")
    page.get_by_role("link", name="Bring in a CenterPoint export").click()
    priya.ready()
    priya.accessible("sending", within="#main")
    send(page)
    page.get_by_role("heading", name="What would come in").wait_for(timeout=LONG)
    counts = KEY_OF["counts"]
    for table in ("customers", "contacts", "properties", "jobs", "invoice_lines", "payments", "leads"):
        assert number(page, table, "rows") == counts[table], table
        assert number(page, table, "in") + number(page, table, "refused") == counts[table], table
    assert number(page, "invoices", "rows") == counts["invoices"] + counts["totals_rows"]
    assert number(page, "customers", "in") == counts["customers"]
    assert number(page, "jobs", "refused") == len(KEY_OF["broken_rows"]) + len(KEY_OF["job_unknown_customer"])
    assert "1,089 customers say the same in both" in page.inner_text("main")
    priya.ready()
    priya.accessible("rehearsed", within="#main")
    page.get_by_label("Reason").fill("We leave CenterPoint")
    page.get_by_role("button", name="Bring in").click()
    page.get_by_role("heading", name="Report", exact=True).wait_for(timeout=LONG)
    priya.ready()
    priya.accessible("report", within="#main")
    assert number(page, "customers", "in") == counts["customers"]
    all_is_there(empty_company)
    page.goto("/crm/customers?view=all")
    page.locator("tr[data-key]").first.wait_for()
    assert "1,089" in page.inner_text("main")
    page.goto("/imports/centerpoint")
    send(page)
    page.get_by_text("There is nothing to apply").wait_for(timeout=LONG)

    page.goto("/quality")
    page.get_by_role("button", name="Look at all now").click()
    priya.toast("rules are looked at")
    found = re.compile("^[1-9]")
    expect(waiting(page, "DQ-11")).to_have_text(str(len(KEY_OF["probable_duplicate_payment"])), timeout=LONG)
    for critical in ("DQ-03", "DQ-04", "DQ-26"):
        expect(waiting(page, critical)).to_have_text(found, timeout=LONG)
    queues = page.locator("#dq-side")
    expect(queues).to_have_attribute("hx-trigger", "every 20s", timeout=LONG)
    expect(page.get_by_label("This rule erred")).to_have_count(0)
    priya.accessible("queues", within="#main")

    omar = arrives(SECOND)
    for critical in ("DQ-26", "DQ-04", "DQ-03", "DQ-11"):
        put_right(priya, omar, critical)
    page.goto("/health/data.critical_findings")
    page.get_by_role("button", name="Run check").click()
    priya.toast("Checked: ")
    expect(page.locator("#main .status.ok").first).to_be_visible()

    merge_duplicates(priya)
    page.goto("/crm/customers?status=merged")
    page.locator("tr[data-key]").first.wait_for()
