"""People at browsers: `person("dispatcher")` is one, signed in and watched. A complaint of any of their pages fails the test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from playwright.sync_api import expect

from tests.browser.watched import WIDE, Watched
from tests.conftest import Live

expect.set_options(timeout=20_000)
Person = Callable[..., Watched]
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@pytest.fixture(scope="session")
def cookies(server: Live) -> Callable[[str], Any]:
    """What a browser keeps once that role has signed in; each role signs in once for all tests, and not by a browser, for
    that costs a second."""
    return lru_cache(lambda role: {"cookies": signed_in_at(server.url, server.email(role), server.password)})


def signed_in_at(url: str, email: str, password: str) -> list[dict[str, Any]]:
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))
    opener.addheaders = [("User-Agent", CHROME)]
    form = opener.open(f"{url}/sign-in").read().decode()
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', form)
    assert token
    sent = {"csrf_token": token[1], "email": email, "password": password}
    answer = opener.open(f"{url}/sign-in", urlencode(sent).encode())
    assert "/sign-in" not in answer.url, "the sign-in was refused"
    return [{"name": each.name, "value": each.value, "domain": each.domain, "path": each.path} for each in jar]


@pytest.fixture(scope="session")
def arrive(browser: Any, server: Live, cookies: Callable[[str], Any]) -> Person:
    """A browser of one's own for a role, or for somebody at the door; whoever calls it closes its context."""

    def come(role: str | None, *, scripts: bool = True, **options: Any) -> Watched:
        # Without motion nothing has to be waited for; what moves is the same either way.
        given = {"viewport": WIDE, "color_scheme": "light", "reduced_motion": "reduce", "java_script_enabled": scripts}
        context = browser.new_context(
            base_url=server.url,
            storage_state=cookies(role) if role else None,
            accept_downloads=True,
            **{**given, **options},
        )
        context.set_default_timeout(30_000)
        return Watched(context.new_page())

    return come


@pytest.fixture
def person(arrive: Person) -> Iterator[Person]:
    """`person("sales")`, `person("sales", scripts=False)`, or `person(None)` for somebody at the door."""
    watched: list[Watched] = []

    def come(role: str | None, **options: Any) -> Watched:
        watched.append(arrive(role, **options))
        return watched[-1]

    yield come
    complaints = [said for each in watched for said in each.said]
    for each in watched:
        each.page.context.close()
    assert not complaints, "\n".join(complaints)


def sign_in(page: Any, email: str, password: str) -> None:
    """As a person does it."""
    page.goto("/sign-in")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)


def follow(page: Any, control: Any, key: str = "") -> None:
    """Press what leads to another page, and wait until that is whole: without script it says so by nothing else."""
    with page.expect_navigation():
        if key:
            control.press(key)
        else:
            control.click()
