"""A person at a browser, watched: what the page complains about, what a screen reader would stumble over, where focus is."""

from __future__ import annotations

import json
import os
import random
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, TextIO

from tests.servers import HOME, ROOT

STANDARDS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"type": "rule", "values": ["color-contrast"]}
"""What a theme alone can break."""
SHARED = ("color-contrast", "target-size")
"""What our style sheets decide for all pages of a kind at once; looked at on one of each kind, for it takes half the time."""
SEED = os.environ.get("TEST_SEED") or secrets.token_hex(4)
FIREFOX = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0"
"""Another device, as the console tells them apart."""
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

_AXE = (ROOT / "static/vendor/axe.min.js").read_text()
# What a page is made of: every element with its kind, its place, its looks, its state, and whether there are words in it.
_PARTS = """(within) => {
  const named = (each) => `${each.localName}.${[...each.classList].sort().join('.')}`;
  const part = (each) => [each.parentElement ? named(each.parentElement) : '', named(each),
    ...each.getAttributeNames().filter((name) => !['id', 'class'].includes(name) && !name.startsWith('data-'))
      .map((name) => name + (/^(role|type|open|hidden|aria-(?!label|labelledby|describedby|controls))/.test(name)
        ? `=${each.getAttribute(name)}` : each.getAttribute(name) ? '' : '=')),
    [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) ? 'words' : ''].join(' ');
  window.looked = [...document.querySelectorAll(within ? `${within}, ${within} *` : '*')];
  return looked.map(part);
}"""
_RUN = """async ([only, without, places]) => {
  const rules = Object.fromEntries(without.map((each) => [each, {enabled: false}]));
  const whole = 'ul, ol, dl, tr, [role=menu], [role=listbox], [role=radiogroup]';  // with what belongs together
  const parts = places.map((place) => looked[place].closest(whole) ?? looked[place]);
  const at = [scrollX, scrollY];
  scrollTo(0, 0);  // what lies half under a bar that stays while the page scrolls would be found too small
  const include = [...new Set(parts)];
  const found = await axe.run({include}, {runOnly: only, rules, resultTypes: ['violations'], preload: false});
  scrollTo(...at);
  return found.violations.map((rule) => ({rule: rule.id, says: rule.help, at: rule.nodes.map(
    (node) => [node.target.join(' '), node.html.slice(0, 160), node.failureSummary.slice(0, 300)])}));
}"""
_SCREEN = """() => [matchMedia('(prefers-color-scheme: dark)').matches, innerWidth < 768,
  document.documentElement.dataset.theme]"""
_SETTLED = """() => Promise.race([new Promise((done) => setTimeout(done, 2000)), (async () => {
  while (document.querySelector('.htmx-swapping, .is-leaving')) await new Promise((next) => setTimeout(next, 20));
  await Promise.all(document.getAnimations()
    .filter((each) => each.animationName !== 'run-down' && each.effect.getTiming().iterations !== Infinity)
    .map((each) => each.finished.catch(() => {})));
})()]).then(() => null)"""
_LISTEN = """
addEventListener('securitypolicyviolation', (event) => console.error(
  `policy: ${event.violatedDirective} forbids ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`));
"""
_FOCUS = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const look = getComputedStyle(at), box = at.getBoundingClientRect();
  const ring = look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0;
  const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  const words = at.getAttribute('aria-label') || at.labels?.[0]?.innerText || at.innerText || at.id || at.localName;
  return {words: words.trim().slice(0, 80), tag: at.localName,
    ring: ring || look.boxShadow !== 'none', inside: inside && box.width > 0};
}"""


class Judged:
    """What was without a finding on which kind of screen by which rules, in any process of this run. Only what is new on a
    page is judged, a few of each kind with what they stand in: judging a whole page takes seconds of a processor, and most
    of it was seen before."""

    def __init__(self) -> None:
        self._kept: dict[str, set[str]] = defaultdict(set)
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
        self._file = self._shared(HOME / f"judged-{run}") if run else None
        self._read = 0

    @staticmethod
    def _shared(path: Path) -> TextIO:
        path.parent.mkdir(exist_ok=True)
        for earlier in set(path.parent.glob("judged-*")) - {path}:
            earlier.unlink(missing_ok=True)
        return path.open("a+")

    def of(self, kind: tuple[Any, ...], without: tuple[str, ...]) -> set[str]:
        """The marks of the parts that passed, also those other processes have looked at meanwhile."""
        if self._file:
            self._file.seek(self._read)
            for line in self._file:
                if not line.endswith("\n"):
                    break  # is being written
                self._read += len(line)
                key, marks = json.loads(line)
                self._kept[key].update(marks)
        return self._kept[repr((*kind, *without))]

    def add(self, kind: tuple[Any, ...], without: tuple[str, ...], marks: Iterable[str]) -> None:
        key = repr((*kind, *without))
        self._kept[key].update(marks)
        if self._file:
            os.write(self._file.fileno(), f"{json.dumps([key, list(marks)])}\n".encode())  # at once, or lines would mix


def _marked(part: str) -> str:
    """A short name for a part; ASCII, so that places in the file are its characters."""
    return blake2b(part.encode(), digest_size=9).hexdigest()


_SEEN_ON_EVERY_SCREEN: set[str] = set()
_JUDGED = Judged()
ALIKE = 4
_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? null : [document.documentElement.scrollWidth, innerWidth,
  ...[...document.querySelectorAll('body *')].filter((each) => each.getBoundingClientRect().right > innerWidth
    && !each.closest('[tabindex], .tabs, [hidden]')).map((each) => each.outerHTML.slice(0, 120)).slice(-6)]"""


class Watched:
    """One person on one page. `said` collects every complaint of the browser; the fixture fails the test over them."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.said: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.said.append(f"script: {error}"))
        page.on("request", self._request)
        page.add_init_script(_LISTEN)

    def _console(self, message: Any) -> None:
        # That an answer was 401, 409 or 422 is part of some journeys; the browser writes it down as an error all the same.
        expected = re.match(r"Failed to load resource.* (400|401|403|404|409|422) ", message.text)
        if message.type in ("error", "warning") and not expected:
            self.said.append(f"{message.type} on {self.page.url}: {message.text}")

    def _request(self, request: Any) -> None:
        if request.url.endswith("/csp-reports"):
            self.said.append(f"policy report: {request.post_data}")

    # -- reading --------------------------------------------------------------------------------------------------

    def go(self, path: str) -> int:
        """Open an address; the status of the answer."""
        answer = self.page.goto(path)
        self.ready()
        return int(answer.status)

    def ready(self) -> None:
        """Wait until our scripts run, so that a key pressed now is heard."""
        self.page.wait_for_selector("html[data-script=on]", state="attached")

    def heading(self, words: str) -> None:
        """Wait for the page of that name."""
        self.page.locator("#main h1", has_text=words).first.wait_for()

    def toast(self, words: str) -> Any:
        """The toast that says so, once it is there."""
        toast = self.page.locator("#toasts console-toast", has_text=words).last
        toast.wait_for()
        return toast

    def until(self, condition: str, seconds: float = 20) -> None:
        """Wait until an expression of the page is true. (The browser tool's own way needs `eval`, which our policy forbids.)"""
        deadline = time.monotonic() + seconds
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"never so on {self.path()}: {condition}"
            time.sleep(0.03)

    def at(self, part: str) -> None:
        """Wait until the address, as pushed by the page, contains this."""
        self.page.wait_for_url(lambda url: part in url)
        self.ready()

    def path(self) -> str:
        """The address without the server."""
        return str(self.page.evaluate("location.pathname + location.search"))

    def field(self, name: str) -> Any:
        """The value of a field on a record page."""
        return self.page.locator(f"#main dd[data-field={name}]")

    def follow(self, group: str, place: str) -> None:
        """By the navigation, as a person does: unfold the group where it is folded, then the place."""
        menu = self.page.get_by_role("navigation", name="Main", exact=True)
        folded = menu.locator("details:not([open]) > summary", has_text=group)
        if folded.count():
            folded.click()
        menu.get_by_role("link", name=place, exact=True).click()

    # -- judging --------------------------------------------------------------------------------------------------

    def violations(
        self, only: dict[str, Any] = STANDARDS, within: str | None = None, without: tuple[str, ...] = ()
    ) -> list[dict[str, Any]]:
        self.page.evaluate(_SETTLED)
        kind = (*self.page.evaluate(_SCREEN), *only["values"])
        judged, places = _JUDGED.of(kind, ()) | _JUDGED.of(kind, without), defaultdict(list)
        for place, part in enumerate(self.page.evaluate(_PARTS, within)):
            if (mark := _marked(part)) not in judged:
                places[mark].append(place)
        if not places:
            return []
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_AXE)
        some = [place for alike in places.values() for place in alike[:ALIKE]]
        found = list(self.page.evaluate(_RUN, [only, list(without), some]))
        if not found:
            _JUDGED.add(kind, without, places)
        return found

    def accessible(
        self,
        where: str = "",
        only: dict[str, Any] = STANDARDS,
        within: str | None = None,
        without: tuple[str, ...] = (),
    ) -> None:
        """No finding of axe on the page as it stands, or on one part of it."""
        found = self.violations(only, within, without)
        assert not found, f"{self.path()} {where}\n{json.dumps(found, indent=1, ensure_ascii=False)}"

    def accessible_everywhere(self) -> None:
        """Neither in light nor in dark, neither at the desk nor on the phone; and nothing scrolls sideways there.

        What a theme or a narrow screen alone can break is looked at once a kind of page: its states share both. Light at the
        desk and dark on the phone are the two that share nothing; which of the other two is looked at is the seed's choice.
        """
        kind = re.sub(r"\d+|\?.*", "", self.path())
        new = kind not in _SEEN_ON_EVERY_SCREEN
        _SEEN_ON_EVERY_SCREEN.add(kind)
        self.accessible("as it stands", without=() if new else SHARED)
        third = random.Random(f"{SEED}/{kind}").choice(((WIDE, "dark", COLOURS), (PHONE, "light", COLOURS)))
        for size, scheme, only in ((PHONE, "dark", STANDARDS), third):
            if new or size == PHONE:
                with self.seen(size, scheme):
                    self.fits()
                    if new:
                        self.accessible(f"{scheme} at {size['width']}, TEST_SEED={SEED}", only)

    @contextmanager
    def seen(self, size: dict[str, int], scheme: str) -> Iterator[None]:
        """The same page on another screen."""
        before = self.page.viewport_size
        self.page.set_viewport_size(size)
        self.page.emulate_media(color_scheme=scheme)
        yield
        self.page.set_viewport_size(before)
        self.page.emulate_media(color_scheme="light")

    def fits(self) -> None:
        """The page never scrolls sideways."""
        wide = self.page.evaluate(_WIDE)
        assert not wide, f"{self.path()} is wider than its window: {wide}"

    # -- the keyboard ---------------------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def seen_focus(self) -> str:
        """The words of what has focus, which must be marked and in view; a dialog gives it back a moment after it closed."""
        deadline = time.monotonic() + 10
        while True:
            at = self.page.evaluate(_FOCUS)
            if at and at["ring"] and at["inside"]:
                return str(at["words"])
            assert time.monotonic() < deadline, f"the focus on {at} is not to be seen on {self.path()}"
            time.sleep(0.03)

    def comes_to(self, words: str, *, marked: bool = True) -> None:
        """Wait until what these words begin the name of has focus, and is seen to; a caret alone marks a field one types in."""
        deadline = time.monotonic() + 10
        while True:
            at = self.page.evaluate(_FOCUS) or {"words": "nothing"}
            if at["words"].startswith(words) and (not marked or (at["ring"] and at["inside"])):
                return
            assert time.monotonic() < deadline, f"the focus is on {at}, not on “{words}”"
            time.sleep(0.03)

    def tab_to(self, words: str, limit: int = 160) -> None:
        """Press Tab until what these words name has focus, seeing it on every step."""
        passed = []
        for _ in range(limit):
            self.press("Tab")
            if self.page.evaluate("document.activeElement === document.body"):
                continue  # in the browser's own bar, on the way round to the top
            passed.append(self.seen_focus())
            if words in passed[-1]:
                return
        raise AssertionError(f"Tab never came to “{words}”, but to {passed}")
