"""Ida plans the day without touching the mouse: she finds, opens, acts and returns from one box."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Person, follow


def test_everything_from_the_palette_by_keyboard_alone(person: Person) -> None:
    ida = person("dispatcher")
    page, palette = ida.page, ida.page.get_by_role("dialog", name="Search and commands")
    ida.go("/crm/jobs")
    page.locator("#main tbody a").first.focus()
    ida.press("Control+k")
    box = palette.get_by_role("combobox")
    options = palette.get_by_role("option")
    options.first.wait_for()
    ida.comes_to("Search or jump to", marked=False)
    assert palette.get_by_role("option", name="New message").count() or options.count()
    ida.accessible("the palette before anything is typed", within="#palette")

    page.keyboard.type("C-00303")
    row = palette.locator("[role=option][data-href^='/crm/customers/']").first
    row.wait_for()
    expect(row).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == row.get_attribute("id")
    name = row.locator(".t").inner_text().split(" C-")[0]
    ida.accessible("the palette with results", within="#palette")

    ida.press("Tab")  # its actions, then back to the results by Escape, which closes only the second time
    palette.get_by_text("Open ", exact=False).first.wait_for()
    ida.press("Escape")
    palette.locator("[role=option][data-href^='/crm/customers/']").first.wait_for()
    expect(box).to_have_value("C-00303")
    ida.press("Enter")
    page.wait_for_url("**/crm/customers/*")
    page.get_by_role("heading", level=1, name=name).wait_for()
    expect(palette).not_to_be_visible()

    ida.press("Control+k")  # the open record's own commands, and where she was
    palette.get_by_text("Recent").wait_for()
    palette.locator("[data-href='/crm/jobs']").wait_for()
    ida.press("Escape")
    expect(palette).not_to_be_visible()
    assert ida.path().startswith("/crm/customers/")

    ida.press("Control+k")
    page.keyboard.type(">keyboard")
    palette.get_by_role("option", name="Keyboard shortcuts").wait_for()
    ida.press("ArrowDown", "ArrowUp", "Enter")
    page.get_by_role("dialog", name="Keys of this page").wait_for()
    ida.press("Escape")

    ida.tab_to("Search everything")  # and from the box of the top bar: what is typed there goes on in the palette
    page.keyboard.type("zebra")
    palette.get_by_text("Nothing here is called “zebra”").wait_for()
    ida.press("Escape")
    ida.comes_to("Search everything", marked=False)


def test_the_page_of_the_search_needs_no_script_and_fits_a_phone(person: Person) -> None:
    ari = person("auditor", scripts=False)
    ari.page.goto("/search")
    ari.page.get_by_role("searchbox", name="Name, number").fill("hospital")
    follow(ari.page, ari.page.get_by_role("button", name="Search"))
    expect(ari.page.locator("#main mark").first).to_be_visible()
    follow(ari.page, ari.page.locator("#main .results a").first)
    assert "/search" not in ari.path()
    owner = person("owner")
    owner.go("/search?q=hospital")
    owner.accessible_everywhere()
