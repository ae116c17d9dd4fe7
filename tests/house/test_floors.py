"""core <- engine <- {domains | web} <- screens: nobody imports from above, and rooms of one floor keep out of each other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.servers import ROOT

APP = ROOT / "app"
FLOORS = {"core": 0, "engine": 1, "domains": 2, "web": 2, "demo": 3, "screens": 3, "commands": 4}
GROUND = frozenset({"app.config", "app.roles"})
"""Plain values that every floor may read."""
ROOF = frozenset({"app.create_app", "app.first_start", "app.cli"})
"""What puts the floors together; only the commands of an operator stand as high."""


@cache
def modules() -> tuple[tuple[Path, str], ...]:
    return tuple(sorted((path, path.relative_to(ROOT).as_posix()) for path in APP.rglob("*.py")))


@cache
def parsed(path: Path) -> ast.Module:
    """Read once for all the rules."""
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> tuple[str, ...]:
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    """Modules a file imports, wherever the import stands in it, other than for the type checker's eyes alone."""
    tree = parsed(path)
    unseen = {
        id(inner) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }  # fmt: skip
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ({node.module} if node.module != "app" else {f"app.{alias.name}" for alias in node.names})


def floor_of(module: str) -> tuple[int, str] | None:
    parts = module.split(".")
    return (FLOORS[parts[1]], parts[1]) if len(parts) > 1 and parts[1] in FLOORS else None


def files(*under: str) -> list[tuple[Path, str]]:
    return [(path, name) for path, name in modules() if name.startswith(tuple(f"app/{each}/" for each in under))]


def test_nobody_imports_from_a_floor_above() -> None:
    wrong = []
    for path, name in files(*FLOORS):
        mine = floor_of(name.replace("/", ".").removesuffix(".py"))
        assert mine
        for module in imports(path):
            if not module.startswith("app.") or module in GROUND or (mine[1] == "commands" and module in ROOF):
                continue
            theirs = floor_of(module)
            if theirs is None or theirs[0] > mine[0]:
                wrong.append(f"{name} imports {module}")
    assert wrong == []


def test_domains_and_web_keep_out_of_each_other() -> None:
    wrong = [
        f"{name} imports {module}"
        for mine, theirs in (("domains", "app.web"), ("web", "app.domains"))
        for path, name in files(mine)
        for module in imports(path)
        if module.startswith(theirs)
    ]
    assert wrong == []


def test_no_domain_imports_another_and_no_screen_another() -> None:
    wrong = []
    for room in ("domains", "screens"):
        for path, name in files(room):
            mine = name.split("/")[2].removesuffix(".py")
            for module in imports(path):
                parts = module.split(".")
                if parts[:2] == ["app", room] and len(parts) > 2 and parts[2] != mine:
                    wrong.append(f"{name} imports {module}")
    assert wrong == []


ENGINE_FLASK = {"Flask": "to hang itself on an application", "has_app_context": "to know whether there is one"}


def test_the_engine_is_handed_an_actor_and_never_asks_a_request() -> None:
    wrong = []
    for path, name in files("engine"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom) and node.module in ("flask", "flask_login", "flask_wtf", "htmx_flask"):
                wrong += [f"{name}: {alias.name}" for alias in node.names if alias.name not in ENGINE_FLASK]
    assert wrong == []


OWN_TABLES = frozenset({
    "change_sets", "change_entries", "number_sequences", "app_users", "user_api_keys",  # the ledger and who writes into it
    "system_health", "metrics", "error_groups", "error_logs", "procrastinate_jobs", "procrastinate_workers",
    "health_flips", "tenants", "background_schedules", "atlas_entries",
    "data_exports", "approval_requests", "user_notifications", "user_activities", "sql_runs", "sql_queries",
    "not_duplicates", "source_conflicts",
    "data_quality_findings", "quality_rules",
})  # fmt: skip
"""Tables the engine's own parts keep. It knows nothing of the company's."""


def test_the_engine_names_no_table_of_the_company() -> None:
    from app.engine.registry import discover

    names = {each.name for each in discover()} - OWN_TABLES
    wrong = []
    for path, name in files("engine"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                wrong += [
                    f"{name}:{node.lineno} {table}"
                    for table in names
                    if re.search(rf"\b(FROM|INTO|UPDATE|JOIN)\s+{table}\b", node.value)
                ]
    assert wrong == []


@pytest.mark.parametrize(
    "word", ["utils", "util", "helpers", "helper", "common", "manager", "service", "services", "misc"]
)
def test_no_file_has_a_name_that_says_nothing(word: str) -> None:
    found = [path for top in ("app", "tests", "bench", "scripts", "static/js") for path in (ROOT / top).rglob(f"*{word}*")
             if path.stem.split("_")[-1] == word and "__pycache__" not in path.parts and "vendor" not in path.parts]  # fmt: skip
    assert found == []


def test_every_module_opens_with_a_sentence() -> None:
    assert [name for path, name in modules() if path.read_text().strip() and not ast.get_docstring(parsed(path))] == []
