"""Settings: a value that cannot be right is one sentence, and nothing secret is in it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.config import Config, ConfigError, load

GOOD_KEY = "0f9d3b7c5a1e48d2b6c4f8a07e91d35c2b48f6a1"

REFUSED = [
    ({"DATABASE_URL": "mysql://root:hunter2@localhost/x"}, "postgresql://"),
    ({"DATABASE_URL": "postgresql://u:hunter2@localhost"}, "names no database"),
    ({"DATABASE_URL": "postgresql://u:hunter2@localhost:port/x"}, "not a valid address"),
    ({"DATABASE_URL": "postgresql://u:hunter2@[::1/x"}, "not a valid address"),
    ({"APP_DATABASE_URL": "postgresql://u:hunter2@localhost/x"}, "without DATABASE_URL"),
    ({"PORT": "http"}, "whole number"),
    ({"PORT": "0"}, "from 1 to 65535"),
    ({"PORT": "65536"}, "from 1 to 65535"),
    ({"PORT": "-1"}, "whole number"),
    ({"WEB_WORKERS": "0"}, "from 1 to 64"),
    ({"WEB_THREADS": "lots"}, "whole number"),
    ({"CONSOLE_DEMO": "yes"}, "0 or 1"),
    ({"POOLER": "session"}, "transaction"),
    ({"CONSOLE_SCHEMA": "pg_console"}, "schema name"),
    ({"CONSOLE_SCHEMA": 'x"; DROP TABLE users; --'}, "schema name"),
    ({"CONSOLE_ENV": "Not A Word"}, "one lower-case word"),
    ({"SECRET_KEY": "short"}, "32 bytes"),
    ({"SECRET_KEY": "a" * 64}, "repeats"),
    ({"SECRET_KEY": "0123456789abcdef" * 4}, "repeats"),
    ({"SECRET_KEY": "please-change-me-before-you-go-live-1234"}, "example"),
    ({"SECRET_KEY": GOOD_KEY, "SECRET_KEY_FALLBACKS": "short"}, "SECRET_KEY_FALLBACKS"),
    ({"HOST": "0.0.0.0"}, "plain http"),
    ({"HOST": "192.0.2.7"}, "plain http"),
    ({"HOST": "a b"}, "address or a host name"),
    ({"HOST": "0.0.0.0", "ALLOW_HTTP": "1"}, "TRUSTED_HOSTS"),
    ({"PUBLIC_URL": "http://console.example.com"}, "plain http"),
    ({"PUBLIC_URL": "console.example.com"}, "PUBLIC_URL"),
    ({"PUBLIC_URL": "https://console.example.com/app"}, "PUBLIC_URL"),
    ({"TRUSTED_PROXIES": "99"}, "from 0 to 5"),
]


def settings(tmp_path: Path, **values: str) -> Config:
    return load({"DATA_DIR": str(tmp_path), **values})


@pytest.mark.parametrize(
    ("values", "word"), REFUSED, ids=lambda value: str(value)[:60] if isinstance(value, dict) else ""
)
def test_a_bad_value_is_one_sentence_without_secrets(tmp_path: Path, values: dict[str, str], word: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        settings(tmp_path, **values)
    sentence = refusal.value.sentence
    assert word in sentence
    assert "\n" not in sentence
    assert "hunter2" not in sentence


def test_defaults_serve_this_machine_alone(tmp_path: Path) -> None:
    config = settings(tmp_path)
    assert (config.host, config.port, config.console_schema, config.demo) == ("127.0.0.1", 8000, "console", True)
    assert config.plain_http
    assert config.address == "http://127.0.0.1:8000"
    assert set(config.trusted_hosts) == {"localhost", "127.0.0.1", "[::1]"}


def test_behind_tls_the_cookie_is_secure_and_the_name_is_trusted(tmp_path: Path) -> None:
    config = settings(tmp_path, HOST="0.0.0.0", PUBLIC_URL="https://console.example.com/")
    assert not config.plain_http
    assert config.address == "https://console.example.com"
    assert "console.example.com" in config.trusted_hosts


def test_plain_http_beyond_this_machine_has_to_be_asked_for_by_name(tmp_path: Path) -> None:
    config = settings(tmp_path, HOST="0.0.0.0", ALLOW_HTTP="1", TRUSTED_HOSTS="desk.lan, 192.0.2.7")
    assert config.plain_http
    assert {"desk.lan", "192.0.2.7"} <= set(config.trusted_hosts)


def test_the_key_is_made_once_and_for_this_account_alone(tmp_path: Path) -> None:
    first, second = settings(tmp_path), settings(tmp_path)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 64
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret_key"]


def test_a_kept_key_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("x")
    with pytest.raises(ConfigError, match="32 bytes"):
        settings(tmp_path)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("# mine\nPORT=9001\nCONSOLE_ENV='staging'\nDATA_DIR=here\n")
    monkeypatch.setenv("PORT", "9002")
    monkeypatch.delenv("DATA_DIR", raising=False)
    config = load()
    assert (config.port, config.environment, config.data_dir) == (9002, "staging", tmp_path / "here")


def test_a_line_of_the_file_that_is_no_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PORT=9001\nnot a setting\n")
    with pytest.raises(ConfigError, match=r"Line 2 of \.env"):
        load()


def test_every_setting_stands_in_the_example() -> None:
    root = Path(__file__).parent.parent.parent
    lines = (root / ".env.example").read_text().splitlines()
    example = {line.partition("=")[0] for line in lines if "=" in line and not line.startswith("#")}
    source = (root / "app" / "config.py").read_text()
    assert example
    for name in example:
        assert f'"{name}"' in source, f"{name} is in .env.example and nobody reads it"
