"""The database we bring: closed to strangers, shared by our processes, and up again after any end."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from app.config import ConfigError
from app.core import cluster, embedded
from app.core.account import account_for
from app.core.embedded import Embedded
from tests.ground.places import open_place

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with open_place() as place:
        yield place
        for process in servers_in(place):
            process.kill()


def servers_in(place: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.info["name"] == "postgres" and str(place / "postgres") in words:
            found.append(process)
    return found


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def elsewhere(data_dir: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process of ours that uses the same DATA_DIR for a while."""
    program = f"""
        import sys, time
        from pathlib import Path
        from app.core.embedded import Embedded
        server = Embedded(Path({str(data_dir)!r}))
        print("in", flush=True)
        time.sleep({seconds})
        server.stop()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    return process


def test_it_lets_in_two_roles_by_password_and_nobody_else(data_dir: Path) -> None:
    server = Embedded(data_dir)
    try:
        assert ask(server.owner_url, "SELECT current_user") == "console_owner"
        assert ask(server.app_url, "SELECT current_user") == "console_app"
        for url in (server.owner_url, server.app_url):
            assert (
                ask(url, "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user")
                is False
            )
        right = server.passwords[cluster.SUPERUSER]
        for wrong in ("wrong", ""):
            stranger = server.url(cluster.SUPERUSER, "postgres").replace(right, wrong)
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(stranger)
        assert ask(server.owner_url, "SHOW listen_addresses") == ""
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "postgres.json").stat().st_mode) == 0o600
        hba = (server.cluster / "pg_hba.conf").read_text()
        methods = {line.split()[-1] for line in hba.splitlines() if line.strip() and not line.startswith("#")}
        assert methods == {"scram-sha-256"}
    finally:
        server.stop()
    assert not servers_in(data_dir)
    assert not server.socket_dir.exists()


def test_every_time_out_of_the_application_is_set(data_dir: Path) -> None:
    server = Embedded(data_dir)
    try:
        for name, value in {**cluster.APP_LIMITS, "transaction_timeout": "1min"}.items():
            assert ask(server.app_url, f"SELECT current_setting('{name}')") == value
        assert ask(server.app_url, "SHOW log_parameter_max_length") == "0"
        assert ask(server.app_url, "SHOW fsync") == "on"
        assert (
            ask(server.app_url, "SELECT count(*) FROM pg_extension WHERE extname IN ('pg_trgm', 'pg_stat_statements')")
            == 2
        )
    finally:
        server.stop()


def test_processes_share_it_and_the_last_one_out_stops_it(data_dir: Path) -> None:
    first = Embedded(data_dir)
    other = elsewhere(data_dir, 1.0)
    first.stop()
    assert len(servers_in(data_dir)) >= 1, "somebody was still in"
    other.wait(20)
    assert not servers_in(data_dir)


def test_it_survives_the_death_of_the_console(data_dir: Path) -> None:
    killed = elsewhere(data_dir, 60)
    killed.kill()
    killed.wait()
    assert servers_in(data_dir), "the server outlives a console that was killed outright"
    server = Embedded(data_dir)
    assert ask(server.app_url, "SELECT 1") == 1
    server.stop()
    assert not servers_in(data_dir), "and the next console that leaves stops it"


def test_it_comes_back_after_its_own_death(data_dir: Path) -> None:
    server = Embedded(data_dir)
    with psycopg.connect(server.owner_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    os.kill(int((server.cluster / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    server.stop()
    again = Embedded(data_dir)
    try:
        assert ask(again.owner_url, "SELECT count(*) > 0 FROM kept") is True
    finally:
        again.stop()


def test_a_number_left_behind_that_now_belongs_to_another_program_is_not_our_server(data_dir: Path) -> None:
    place = Path(json.loads((data_dir / "postgres.json").read_text())["cluster"])
    lines = [str(os.getpid()), str(place), "1", "5432", "/nowhere", "", "", "ready"]
    (place / "postmaster.pid").write_text("\n".join(lines) + "\n")
    server = Embedded(data_dir)
    try:
        assert ask(server.app_url, "SELECT 1") == 1
    finally:
        server.stop()


def test_files_of_another_version_are_refused_in_one_sentence(data_dir: Path) -> None:
    place = Path(json.loads((data_dir / "postgres.json").read_text())["cluster"])
    right = (place / "PG_VERSION").read_text()
    (place / "PG_VERSION").write_text("12\n")
    try:
        with pytest.raises(ConfigError, match="made by PostgreSQL 12") as refusal:
            Embedded(data_dir)
        assert "\n" not in refusal.value.sentence
    finally:
        (place / "PG_VERSION").write_text(right)


def test_a_server_that_cannot_start_says_why_in_its_own_words(data_dir: Path) -> None:
    place = Path(json.loads((data_dir / "postgres.json").read_text())["cluster"])
    (place / "postgresql.auto.conf").write_text("shared_buffers = 'lots'\n")
    try:
        with pytest.raises(ConfigError, match="errors") as refusal:
            Embedded(data_dir)
        assert "\n" not in refusal.value.sentence
    finally:
        (place / "postgresql.auto.conf").write_text("")


def test_started_by_root_it_runs_as_another_and_finds_a_place_that_one_can_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        assert account_for(tmp_path).uid is None, "an ordinary account starts it as itself"
        return
    with open_place() as fallback:
        monkeypatch.setattr(embedded, "FALLBACK", fallback)
        (shut := tmp_path / "shut").mkdir(mode=0o700)
        server = Embedded(shut)
        try:
            assert server.cluster.is_relative_to(fallback)
            assert server.cluster.stat().st_uid != 0
            assert ask(server.app_url, "SELECT 1") == 1
        finally:
            server.stop()
        again = Embedded(shut)
        assert again.cluster == server.cluster
        again.stop()
