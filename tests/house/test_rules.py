"""The few rules of the house that one can read off the files."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache

import pytest
from flask import Flask

from app.web import security
from tests.servers import ROOT


@cache
def tracked() -> tuple[str, ...]:
    """Files of the repository; where there is none, as in an unpacked archive, the ones that lie there."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() if listed.returncode == 0 else []
    return tuple(name for name in names or _lying() if (ROOT / name).is_file())


def _lying() -> list[str]:
    tops = ("app", "templates", "static", "migrations", "tests", "scripts", "bench")
    return [path.relative_to(ROOT).as_posix() for top in tops for path in (ROOT / top).rglob("*") if path.is_file()]


def lines(pattern: str, *, under: tuple[str, ...], suffix: tuple[str, ...], but: tuple[str, ...] = ()) -> list[str]:
    """`file:line` of every match in tracked text files."""
    found, wanted = [], re.compile(pattern)
    for name in tracked():
        if not name.startswith(under) or not name.endswith(suffix) or name.startswith(but) or "/vendor/" in name:
            continue
        text = (ROOT / name).read_text()
        found += [
            f"{name}:{number} {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), 1)
            if wanted.search(line)
        ]
    return found


PY, HTML = (".py",), (".html",)
COMMITS = {
    "app/engine/apply.py": "where every write of the console passes",
    "app/engine/exports.py": "a read-only snapshot over a server-side cursor",
    "app/core/": "opens connections, and the embedded server before anybody is there",
    "app/commands/": "an operator at the database itself",
    "app/demo/": "fills an empty database by COPY, in one transaction",
}


def test_only_apply_commits() -> None:
    found = lines(r"\.begin\(\)|\.commit\(\)|autocommit=True", under=("app/",), suffix=PY, but=tuple(COMMITS))
    assert found == []


def test_time_is_asked_of_the_clock_alone() -> None:
    found = lines(
        r"datetime\.(now|utcnow|today)\(|date\.today\(", under=("app/",), suffix=PY, but=("app/core/clock.py",)
    )
    assert found == []


def test_headers_that_steer_a_swap_are_written_in_one_place() -> None:
    found = lines(r"headers\[.HX-|htmx_flask", under=("app/",), suffix=PY, but=("app/web/htmx.py",))
    assert found == []


def test_markup_is_built_in_one_place() -> None:
    assert lines(r"\bMarkup\(", under=("app/",), suffix=PY, but=("app/web/markup.py",)) == []
    assert lines(r"\|\s*safe\b|autoescape\s+false", under=("templates/", "app/"), suffix=PY + HTML) == []
    assert lines(r"render_template_string", under=("app/",), suffix=PY) == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"<script(?![^>]*\bsrc=)",
        r"\sstyle\s*=\s*[\"']",
        r"<style\b",
        r"\son[a-z]+\s*=\s*[\"']",
        r"hx-on",
        r"javascript:",
        r"\bjs:",
    ],
)
def test_no_template_needs_what_the_policy_forbids(pattern: str) -> None:
    assert lines(pattern, under=("templates/",), suffix=HTML) == []


def test_no_script_writes_markup_or_runs_text() -> None:
    pattern = r"\.innerHTML\s*\+?=|insertAdjacentHTML|document\.write|\beval\(|new Function|outerHTML\s*="
    assert lines(pattern, under=("static/js/",), suffix=(".js",)) == []


NAMES_FROM_THE_REGISTRY = (
    "app/engine/ledger.py",
    "app/engine/exports.py",
    "app/engine/counting.py",
    "app/engine/sealing.py",
    "app/engine/bulk/work.py",
    "app/engine/importing/writing.py",
    "app/engine/undo_at_once.py",
    "app/engine/duplicates/looking.py",
    "app/engine/duplicates/queue.py",
    "app/engine/merging/doing.py",  # names of tables, columns and indexes from the database's own catalogue, quoted
    "app/engine/health.py",  # a time limit from the code; SET takes no parameter
)


def test_sql_is_never_put_together_from_what_people_type() -> None:
    """Constants of the module may stand in a statement; anything else is bound, but for names the registry gave."""
    wrong = []
    for name in tracked():
        if not name.startswith(("app/engine/", "app/web/", "app/screens/")) or name.startswith(NAMES_FROM_THE_REGISTRY):
            continue
        source = (ROOT / name).read_text()
        for node in ast.walk(ast.parse(source)):
            called = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            if called not in ("execute", "exec_driver_sql") and not (
                called == "text" and "from sqlalchemy import" in source
            ):
                continue
            for part in ast.walk(node):
                if isinstance(part, ast.FormattedValue) and not re.fullmatch(
                    r"_?[A-Z][A-Z_]*", ast.unparse(part.value)
                ):
                    wrong.append(f"{name}:{part.lineno} {ast.unparse(part.value)}")
    assert wrong == []


def test_every_address_names_its_permission(app: Flask) -> None:
    assert security.undeclared(app) == []


def test_every_form_that_posts_carries_the_secret() -> None:
    missing = []
    for name in tracked():
        if name.startswith("templates/") and name.endswith(".html"):
            for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", (ROOT / name).read_text(), re.S | re.I):
                if "csrf" not in form:
                    missing.append(name)
    assert missing == []


def test_no_test_is_skipped() -> None:
    pattern = r"pytest\.skip|mark\.skip|mark\.xfail|importorskip|unittest\.skip"
    assert lines(pattern, under=("tests/",), suffix=PY, but=("tests/house/",)) == []


def test_no_stub_is_left() -> None:
    pattern = r"\b(TODO|FIXME|XXX|NotImplemented(?:Error)?)\b"
    assert (
        lines(pattern, under=("app/", "templates/", "static/js/", "migrations/", "bench/"), suffix=(*PY, ".js", *HTML))
        == []
    )


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    text = (
        ".py",
        ".md",
        ".toml",
        ".txt",
        ".in",
        ".json",
        ".cfg",
        ".sh",
        ".js",
        ".css",
        ".html",
        ".example",
        "Makefile",
        "run",
    )
    places = r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/"
    hosts = r"https?://(?:[\w-]+\.)*(?:pypi|pythonhosted|npmjs|artifactory|nexus|jfrog|registry)[\w.-]*|--(?:extra-)?index-url|--find-links"
    assert lines(places, under=("",), suffix=text, but=("tests/house/",)) == []
    assert lines(hosts, under=("",), suffix=text, but=("tests/house/", "Makefile")) == []


def test_pins_are_exact_and_hashed() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        entries = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
        loose = [
            each.split()[0]
            for each in entries
            if not each.startswith("#") and ("==" not in each or "--hash=sha256:" not in each)
        ]
        assert loose == [], name


def test_the_lock_of_the_front_carries_no_address() -> None:
    assert "resolved" not in (ROOT / "package-lock.json").read_text()
