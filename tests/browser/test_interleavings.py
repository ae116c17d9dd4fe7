"""Twenty ways in which two people's edits of one record can fall into each other, in two real browsers.

Whatever is acknowledged is in the record or was shown to whoever replaced it; what does not overlap is kept and said; nobody
is asked who overlapped with nobody.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.browser.conftest import Person
from tests.browser.watched import Watched
from tests.conftest import Live

pytestmark = pytest.mark.browser

CITY, SITE = "bill_city", "source"
TITLES = {CITY: "City", SITE: "Came from"}
NAMES = {"A": "Owen Prescott", "B": "Dana Whitfield"}
OVERLAP, REVERSE, AFTER = (
    "A opens, B opens, A saves, B saves",
    "A opens, B opens, B saves, A saves",
    "A is done, then B",
)


@dataclass(frozen=True)
class Story:
    """What A and B do, at which kind of place and in which order; `same` whether to one field, and what the second chooses."""

    a: str
    b: str
    order: str
    same: bool = True
    choice: str = "mine"
    alike: bool = False
    """Whether both want the very same value."""


STORIES = [
    Story("cell", "cell", OVERLAP),
    Story("cell", "cell", OVERLAP, choice="theirs"),
    Story("cell", "cell", REVERSE),
    Story("cell", "cell", OVERLAP, same=False),
    Story("cell", "cell", OVERLAP, alike=True),
    Story("cell", "cell", AFTER),
    Story("staged", "cell", REVERSE),
    Story("staged", "cell", REVERSE, choice="theirs"),
    Story("staged", "cell", REVERSE, same=False),
    Story("staged", "staged", OVERLAP),
    Story("cell", "staged", OVERLAP, alike=True),
    Story("staged", "cell", AFTER),
    Story("form", "cell", REVERSE),
    Story("form", "cell", REVERSE, choice="theirs"),
    Story("form", "cell", OVERLAP, same=False),
    Story("form", "form", OVERLAP),
    Story("form", "staged", OVERLAP),
    Story("record", "cell", REVERSE),
    Story("record", "cell", OVERLAP, same=False),
    Story("record", "record", OVERLAP, choice="theirs"),
]


class Hand:
    """One of the two, with the list open in one tab and another tab for records and forms."""

    def __init__(self, watched: Watched, mark: str) -> None:
        self.list = watched
        self.other = Watched(watched.page.context.new_page())
        self.list.go(f"/crm/customers?q={mark}&sort=name&limit=25&cols=name,{CITY},{SITE}")

    def at(self, place: str) -> Watched:
        return self.other if place in ("form", "record") else self.list

    def _cell(self, key: int, field: str) -> Any:
        return self.list.page.locator(f"tr[data-key='{key}'] > td[data-field={field}]")

    def prefer(self, wanted: str) -> None:
        """Save changes at once, or collect them: it is the person's, and holds on every page."""
        button = self.list.page.get_by_role("button", name=wanted, exact=True)
        if button.get_attribute("aria-pressed") != "true":
            with self.list.page.expect_response("**/account/theme"):
                button.click()

    def open(self, place: str, key: int, field: str, value: str) -> None:
        """Go to the value and type; what is collected is kept, and not saved."""
        person = self.at(place)
        if place == "form":
            person.go(f"/crm/customers/{key}/edit")
            person.page.locator(f"#{field}").fill(value)
            return
        self.prefer("Collect" if place == "staged" else "Save at once")
        if place == "record":
            person.go(f"/crm/customers/{key}")
            person.page.locator(f"#v-{field} .edit").click()
            person.page.locator(f"#{field}").fill(value)
            return
        self._cell(key, field).click(position={"x": 4, "y": 8})
        person.press("F2")
        person.page.locator(f"#c-{field}").fill(value)
        if place == "staged":
            person.press("Enter")
            self._cell(key, field).locator(".unsaved").wait_for()

    def save(self, place: str, key: int, field: str) -> str:
        """Save it: what one is told, or asked."""
        person = self.at(place)
        person.page.evaluate("document.getElementById('toasts').replaceChildren()")
        if place == "form":
            person.page.get_by_role("button", name="Save customer").click()
        elif place == "staged":
            person.press("Control+s")
        else:
            person.page.locator("form[data-cell] .primary").click()
        return self._answer(person)

    def _answer(self, person: Watched) -> str:
        person.page.locator("#toasts console-toast, .clash, form.conflict").first.wait_for()
        return str(person.page.locator("#toasts console-toast, .clash, form.conflict").first.inner_text())

    def choose(self, place: str, choice: str) -> None:
        """Answer the question."""
        person = self.at(place)
        page = person.page
        if place == "form":
            page.locator("form.conflict tbody").get_by_role("radio").nth(1 if choice == "mine" else 0).check()
            page.get_by_role("button", name="Save these choices").click()
            person.page.locator("console-toast").wait_for()
        elif place == "staged":
            page.get_by_role("button", name="Use mine" if choice == "mine" else "Keep theirs").click()
            if choice == "mine":
                person.press("Control+s")
                person.toast("1 change in 1 customer saved")
            else:
                person.until("!document.querySelector('.stagebar')")
        elif choice == "mine":
            page.get_by_role("button", name="Replace theirs").wait_for()
            page.locator(f"form[data-cell] [name={CITY}]").press("Enter")
            person.toast("changed")
        else:
            page.locator("form[data-cell] :is(a, button)", has_text="Keep theirs").click()
            person.until("!document.querySelector('form[data-cell]')")


def test_twenty_interleavings_of_two_people(person: Person, server: Live) -> None:
    mark = f"Ix{secrets.token_hex(4)}"
    options = "-c search_path=console,public"
    with psycopg.connect(server.database.superuser_url, options=options, autocommit=True) as connection:
        keys = [
            key
            for (key,) in connection.execute(
                "INSERT INTO customers (tenant_id, name, number, status, bill_city, source) SELECT (SELECT min(tenant_id)"
                " FROM customers), %(mark)s || lpad(n::text, 3, '0'), %(mark)s || n, 'active', 'was', 'was'"
                " FROM generate_series(1, %(n)s) n RETURNING id",
                {"mark": mark, "n": len(STORIES)},
            ).fetchall()
        ]
        hands = {"A": Hand(person("sales"), mark), "B": Hand(person("operations_manager"), mark)}
        for key, story in zip(keys, STORIES, strict=True):
            _play(hands, key, story)
            found = connection.execute("SELECT bill_city, source FROM customers WHERE id = %s", [key]).fetchone()
            assert found == _expected(story), story
        for each in hands.values():
            assert not each.other.said, each.other.said
            each.prefer("Save at once")


def _play(hands: dict[str, Hand], key: int, story: Story) -> None:
    first, second = ("B", "A") if story.order == REVERSE else ("A", "B")
    places = {"A": story.a, "B": story.b}
    fields = {"A": CITY, "B": CITY if story.same else SITE}
    values = {"A": "alike" if story.alike else "of A", "B": "alike" if story.alike else "of B"}
    steps = ["open A", "save A", "open B", "save B"]
    if story.order != AFTER:
        steps = ["open A", "open B", f"save {first}", f"save {second}"]
    for step in steps:
        what, who = step.split()
        hand, place, field = hands[who], places[who], fields[who]
        if what == "open":
            hand.open(place, key, field, values[who])
            continue
        told = hand.save(place, key, field)
        clashes = who == second and story.order != AFTER and story.same and not story.alike
        if clashes:
            other = first
            assert NAMES[other] in told and values[other] in told and values[who] in told and "was" in told, (
                story,
                told,
            )
            hand.choose(place, story.choice)
        else:
            assert "while you were editing" not in told, (story, told)
        if who == second and story.order != AFTER and not story.same:
            assert f"{NAMES[first]}'s change to {TITLES[fields[first]]} was kept." in told, (story, told)


def _expected(story: Story) -> tuple[str, str]:
    first, second = ("B", "A") if story.order == REVERSE else ("A", "B")
    if story.alike:
        return ("alike", "was")
    if not story.same:
        return ("of A", "of B")
    if story.order == AFTER:
        return ("of B", "was")
    return (f"of {second if story.choice == 'mine' else first}", "was")
