"""A dispatcher's morning: find the job that waits for a day, give it a visit, schedule it, and take it back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person, sign_in
from tests.browser.watched import Watched
from tests.conftest import Live

pytestmark = pytest.mark.browser

TO_SCHEDULE = "/crm/jobs?scope=To schedule&status=new&property_id.null=false&customer_id.null=false"


def test_somebody_without_a_right_password_stays_at_the_door_and_is_told_so(person: Person, server: Live) -> None:
    visitor = person(None)
    page = visitor.page
    page.goto("/crm/jobs?status=new")
    assert "/sign-in" in page.url, "the door comes before any page"
    visitor.accessible_everywhere()
    page.get_by_label("Work email").fill(server.email("dispatcher"))
    page.get_by_label("Password", exact=True).fill("not the password at all")
    page.get_by_label("Password", exact=True).press("Enter")
    page.get_by_text("Email or password is wrong.").wait_for()
    assert page.evaluate("document.activeElement.id") == "f-password"
    visitor.accessible("after a wrong password")
    expect(page.get_by_label("Work email"), "what was typed stays").to_have_value(server.email("dispatcher"))
    page.get_by_label("Password", exact=True).fill(server.password)
    page.get_by_label("Password", exact=True).press("Enter")
    visitor.heading("Jobs")
    assert visitor.path() == "/crm/jobs?status=new", "on to where one was going"


def test_jobs_are_narrowed_by_filters_and_widened_again(person: Person) -> None:
    dispatcher = person("dispatcher")
    page = dispatcher.page
    dispatcher.go("/")
    dispatcher.follow("Field", "Jobs")
    dispatcher.heading("Jobs")
    everything = page.locator(".page-head .meta").inner_text()

    page.get_by_role("link", name="Filter", exact=True).click()
    dialog = page.get_by_role("dialog", name="Filter jobs")
    dispatcher.accessible("with the fields to filter by")
    page.keyboard.type("work")
    page.keyboard.press("Enter")
    leak = dialog.get_by_label("Leak")
    leak.wait_for()
    dispatcher.accessible("with the form for one field")
    leak.check()
    dialog.get_by_label("Warranty").check()
    dialog.get_by_role("button", name="Apply").click()
    dispatcher.at("work_type")
    chip = page.locator(".chip", has_text="Work type")
    assert "Leak" in chip.inner_text() and "Warranty" in chip.inner_text()
    kinds = set(page.locator("td[data-field=work_type]").all_inner_texts())
    assert kinds and kinds <= {"Leak", "Warranty"}

    page.get_by_role("navigation", name="Saved views").get_by_role("link", name="To schedule").click()
    dispatcher.at("scope=To")
    expect(page.locator("a[aria-current=page]", has_text="To schedule")).to_have_count(1)
    assert set(page.locator("td[data-field=status]").all_inner_texts()) <= {"New", "Approved"}
    dispatcher.accessible_everywhere()

    expect(page.locator(".chip"), "a tab begins afresh").to_have_count(0)
    page.get_by_role("navigation", name="Saved views").get_by_role("link", name="All").click()
    page.wait_for_url(lambda url: "scope" not in url)
    expect(page.locator(".page-head .meta")).to_have_text(everything, use_inner_text=True)
    page.go_back()
    dispatcher.at("scope=To")
    page.locator("a[aria-current=page]", has_text="To schedule").wait_for()


def test_a_filter_nobody_passes_names_what_empties_the_list(person: Person) -> None:
    dispatcher = person("dispatcher")
    dispatcher.go("/crm/jobs?status=new&q=no such job anywhere")
    expect(dispatcher.page.locator("#list")).to_contain_text("Nothing matches", use_inner_text=True)
    dispatcher.accessible_everywhere()
    dispatcher.page.get_by_role("link", name="Show all jobs").click()
    dispatcher.page.locator("tr[data-key]").first.wait_for()


def test_a_job_is_scheduled_once_a_crew_has_a_time_and_taken_back_again(person: Person) -> None:
    dispatcher = person("dispatcher")
    page = dispatcher.page
    dispatcher.go(TO_SCHEDULE)
    page.locator("tr[data-key]").first.get_by_role("link").first.click()
    page.get_by_role("link", name="Schedule job").wait_for()
    job, title = dispatcher.path().partition("?")[0], page.locator("#main h1").inner_text()
    dispatcher.accessible_everywhere()

    # Too early: the reason stands in the dialog, and closing it gives focus back to the button.
    press_move(dispatcher, "Schedule job")
    alert = page.locator("#modal").get_by_role("alert")
    alert.wait_for()
    expect(alert).to_contain_text("Add a visit with a crew lead and a time first.", use_inner_text=True)
    expect(alert).to_contain_text("Nothing was changed.", use_inner_text=True)
    dispatcher.accessible("with a refused dialog")
    dispatcher.press("Escape")
    expect(page.locator("#modal dialog")).to_have_count(0)
    dispatcher.comes_to("Schedule job")

    add_visit(dispatcher)
    dispatcher.toast("Visit created")
    page.get_by_role("navigation", name="Breadcrumb").wait_for()
    expect(page.locator(f"#main a[href='{job}']").first, "the visit leads back to its job").to_have_text(
        title, use_inner_text=True
    )
    dispatcher.accessible("a new visit")
    page.locator(f"#main a[href='{job}']").first.click()
    page.locator("#rel-job_visits tbody tr").wait_for()

    press_move(dispatcher, "Schedule job")
    dispatcher.toast(f"{title} scheduled")
    expect(page.locator(".rec-head")).to_contain_text("Scheduled", use_inner_text=True)
    start = page.locator("dd[data-field=scheduled_start]")
    expect(start, "the window comes from the visit").to_contain_text("Jun 1", use_inner_text=True)
    dispatcher.accessible("a scheduled job")

    dispatcher.press("Control+z")
    dispatcher.toast("Undone")
    assert dispatcher.path() == job
    page.locator(".rec-head", has_text="New").wait_for()
    page.get_by_role("status").get_by_role("button", name="Undo").last.click()  # undoing the undo schedules it again
    page.locator(".rec-head", has_text="Scheduled").wait_for()


def press_move(person: Watched, label: str) -> None:
    person.page.locator(".rec-head").get_by_role("link", name=label).click()
    dialog = person.page.get_by_role("dialog", name=f"{label}?")
    dialog.get_by_role("button", name=label).click()


def add_visit(person: Watched) -> None:
    page = person.page
    page.get_by_role("link", name="New visit").click()
    person.heading("New visit")
    page.get_by_label("Starts").fill("2027-06-01T07:00")
    page.get_by_label("Ends").fill("2027-06-01T06:00")
    page.get_by_role("button", name="Create visit").click()
    page.locator("#ends_at[aria-invalid=true]").wait_for()
    expect(page.locator("#ends_at-err")).to_have_text("A visit ends after it starts.", use_inner_text=True)
    assert page.evaluate("document.activeElement.id") == "ends_at"
    expect(page.get_by_label("Starts"), "what was typed stays").to_have_value("2027-06-01T07:00")
    page.get_by_label("Ends").fill("2027-06-01T11:30")
    lead = page.get_by_role("combobox", name="Crew lead")
    lead.fill("Aaron")
    page.get_by_role("option", name="Aaron Pratt").click()
    expect(lead).to_have_value("Aaron Pratt")
    page.get_by_role("button", name="Create visit").click()


def test_the_password_opens_the_door_and_signing_out_shuts_it(person: Person, server: Live) -> None:
    dispatcher = person(None)
    sign_in(dispatcher.page, server.email("dispatcher"), server.password)
    dispatcher.ready()
    dispatcher.accessible_everywhere()
    dispatcher.page.get_by_label("Account, theme and density").click()
    dispatcher.accessible("with the account menu")
    dispatcher.page.get_by_role("button", name="Sign out").click()
    dispatcher.page.wait_for_url("**/sign-in**")
    dispatcher.page.goto("/crm/jobs")
    assert "/sign-in" in dispatcher.page.url
