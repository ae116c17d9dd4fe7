"""`console run` from an empty place to a clean end, as an operator sees it."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app import demo
from app.first_start import ROLES, email_for, furnish
from tests.conftest import free_port
from tests.ground.places import open_place
from tests.servers import KEY, Database

ROOT = Path(__file__).parent.parent.parent


class Console:
    """One running `console run`, its output read as it comes."""

    def __init__(self, data_dir: Path, port: int, name: str = "output", **settings: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._output = (data_dir / f"{name}.txt").open("w+")
        environment = {
            **os.environ,
            "DATA_DIR": str(data_dir),
            "PORT": str(port),
            "SECRET_KEY": KEY,
            "WEB_WORKERS": "1",
        }
        environment.pop("DATABASE_URL", None)
        self.process = psutil.Popen(
            [sys.executable, "-m", "app.cli", "run"],
            cwd=ROOT,
            env={**environment, **settings},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def said(self) -> str:
        return Path(self._output.name).read_text()

    def await_word(self, word: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while word not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, f"no “{word}” within {seconds} s:\n{self.said}"
            time.sleep(0.1)

    def family(self) -> list[psutil.Process]:
        return [
            process for process in self.process.children(recursive=True) if process.status() != psutil.STATUS_ZOMBIE
        ]

    def end(self, number: int = signal.SIGTERM) -> int:
        family = self.family()
        self.process.send_signal(number)
        status = self.process.wait(60)
        _, left = psutil.wait_procs(family, timeout=5)
        assert not left, f"left running: {left}"
        return int(status)


@pytest.fixture
def place() -> Iterator[Path]:
    with open_place() as place:
        yield place


@pytest.mark.slow
def test_it_opens_serves_and_leaves_nothing_behind(place: Path) -> None:
    port = free_port()
    console = Console(place, port, CONSOLE_DEMO="0")
    try:
        console.await_word("Ctrl-C stops it.", 90)
        link = re.search(r"http://\S+/invite/\S+", console.said)
        assert link, "an empty console without demonstration tells the first owner how to come in"
        with urllib.request.urlopen(link[0], timeout=10) as answer:
            assert answer.status == 200
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{console.url}/readyz", timeout=10) as answer:
                    assert json.load(answer)["ready"] is True
                    break
            except OSError:
                assert time.monotonic() < deadline, "the worker never reported"
                time.sleep(0.5)

        # A process that falls is put up again, without anybody's help.
        worker = next(process for process in console.family() if "worker" in process.cmdline())
        worker.kill()
        console.await_word("The worker ended", 20)
        assert console.process.poll() is None
    finally:
        status = console.end()
    assert status == 0
    assert "Traceback" not in console.said

    again = Console(place, port, CONSOLE_DEMO="0")
    again.await_word("Ctrl-C stops it.", 60)
    assert again.end(signal.SIGINT) == 0


def test_two_begun_at_once_open_one_after_the_other(place: Path) -> None:
    port = free_port()
    first, second = (Console(place, port, "first", CONSOLE_DEMO="0"), Console(place, port, "second", CONSOLE_DEMO="0"))
    try:
        deadline = time.monotonic() + 90
        while all(each.process.poll() is None for each in (first, second)):
            assert time.monotonic() < deadline, first.said + second.said
            time.sleep(0.1)
        opened, refused = (second, first) if second.process.poll() is None else (first, second)
        assert refused.process.wait(5) == 2
        assert f"Port {port} on 127.0.0.1 is in use" in refused.said.splitlines()[-1]
        assert "Traceback" not in refused.said
        opened.await_word("Ctrl-C stops it.", 30)
    finally:
        statuses = {each.end() for each in (first, second) if each.process.poll() is None}
    assert statuses == {0}


def test_the_first_start_hands_out_one_account_per_role(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(demo, "load", lambda *arguments, **_: asked.append(arguments))
    config = fresh_database.config(demo=True)
    told = "\n".join(furnish(config).lines)
    assert len(asked) == 1
    kept = config.data_dir / "demo-accounts.txt"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    password = re.search(r"password +(\S+)", told)
    assert password
    assert len(password[1]) >= 15
    for role in ROLES:
        assert email_for(role) in told
        assert email_for(role) in kept.read_text()

    again = "\n".join(furnish(config).lines)
    assert len(asked) == 1, "a company that is there is not made twice"
    assert password[1] not in again, "the password is printed once"
    assert "demo-accounts.txt" in again


def test_without_demonstration_each_start_renews_the_link(fresh_database: Database) -> None:
    config = fresh_database.config(demo=False)
    first, second = ("\n".join(furnish(config).lines) for _ in range(2))
    assert "/invite/" in first
    assert first != second
