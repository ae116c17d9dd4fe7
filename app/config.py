"""What the operator may set, read once from the environment and refused in one plain sentence when it cannot be right."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# Words that stand in keys copied from examples. In a random key each is less likely than a lost disk.
_EXAMPLE_WORDS = ("change", "secret", "default", "example", "password", "flask-", "django", "insecure", "development")


class ConfigError(Exception):
    """A setting the console cannot start with; `sentence` is all the operator needs to read. Exit status 2."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Config:
    """Every setting of one start. Nothing reads the environment after this."""

    database_url: str | None
    app_database_url: str | None
    data_dir: Path
    host: str
    port: int
    secret_key: str
    desk_database_url: str | None = None
    secret_key_fallbacks: tuple[str, ...] = ()
    public_url: str | None = None
    console_schema: str = "console"
    demo: bool = True
    web_workers: int = 2
    web_threads: int = 4
    pooler: str | None = None
    allow_http: bool = False
    environment: str = "local"
    trusted_hosts: tuple[str, ...] = LOOPBACK_NAMES
    trusted_proxies: int = 0
    outbound_private: bool = False

    @property
    def plain_http(self) -> bool:
        """Whether people reach the console without TLS: the session cookie is then `console`, without Secure."""
        return not (self.public_url or "").startswith("https://")

    @property
    def address(self) -> str:
        """The address to print and to put into links: PUBLIC_URL, else where we listen."""
        return self.public_url or f"http://{'127.0.0.1' if _any_address(self.host) else self.host}:{self.port}"

    def on(self, database_url: str, app_database_url: str | None, desk_database_url: str | None = None) -> Config:
        """The same settings over another database, such as the embedded one once it runs."""
        desk = desk_database_url or self.desk_database_url
        return replace(self, database_url=database_url, app_database_url=app_database_url, desk_database_url=desk)


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings. Without `environ`: the process environment, over a `.env` file in the working directory.

    Raises ConfigError, one sentence, for the first setting that is wrong. Makes DATA_DIR and, once, the secret key.
    """
    env = {**_env_file(Path(".env")), **os.environ} if environ is None else dict(environ)
    env = {name: value.strip() for name, value in env.items() if value.strip()}
    data_dir = _data_dir(env.get("DATA_DIR", ".data"))
    host = env.get("HOST", "127.0.0.1")
    public_url = _public_url(env.get("PUBLIC_URL"))
    allow_http = _flag(env, "ALLOW_HTTP", False)
    _refuse_open_http(host, public_url, allow_http)
    return Config(
        database_url=_postgres_url(env, "DATABASE_URL"),
        app_database_url=_further_url(env, "APP_DATABASE_URL"),
        desk_database_url=_further_url(env, "DESK_DATABASE_URL"),
        data_dir=data_dir,
        host=host,
        port=_whole(env, "PORT", 8000, 1, 65535),
        secret_key=_key("SECRET_KEY", env["SECRET_KEY"]) if "SECRET_KEY" in env else _kept_key(data_dir),
        secret_key_fallbacks=tuple(_key("SECRET_KEY_FALLBACKS", k) for k in _listed(env.get("SECRET_KEY_FALLBACKS"))),
        public_url=public_url,
        console_schema=_schema(env.get("CONSOLE_SCHEMA", "console")),
        demo=_flag(env, "CONSOLE_DEMO", True),
        web_workers=_whole(env, "WEB_WORKERS", min(os.cpu_count() or 1, 4), 1, 64),
        web_threads=_whole(env, "WEB_THREADS", 4, 1, 64),
        pooler=_pooler(env.get("POOLER")),
        allow_http=allow_http,
        environment=_environment(env.get("CONSOLE_ENV", "local")),
        trusted_hosts=_trusted_hosts(_listed(env.get("TRUSTED_HOSTS")), host, public_url),
        trusted_proxies=_whole(env, "TRUSTED_PROXIES", 0, 0, 5),
        outbound_private=_flag(env, "OUTBOUND_PRIVATE", False),
    )


def _env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines; `#` opens a comment line. The environment wins over the file, so a test can override it."""
    try:
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The settings file {path} cannot be read: {error}.") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name.strip()):
            raise ConfigError(f"Line {number} of {path} is not NAME=value.")
        value = value.strip()
        found[name.strip()] = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
    return found


def _flag(env: Mapping[str, str], name: str, default: bool) -> bool:
    value = env.get(name)
    if value not in (None, "0", "1"):
        raise ConfigError(f"{name} must be 0 or 1, not {value!r}.")
    return default if value is None else value == "1"


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = env.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
        raise ConfigError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
    return int(value)


def _listed(value: str | None) -> list[str]:
    return [part.strip() for part in (value or "").split(",") if part.strip()]


def _data_dir(value: str) -> Path:
    path = Path(value).expanduser().absolute()
    try:
        # Searchable but not listable: the embedded server may run under another account and must pass through.
        path.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"DATA_DIR {path} cannot be made: {error.strerror}.") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"DATA_DIR {path} cannot be written to by this account.")
    return path


def _postgres_url(env: Mapping[str, str], name: str) -> str | None:
    value = env.get(name)
    if value is None:
        return None
    # The value itself is never echoed: it holds a password.
    try:
        parts = urlsplit(value)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise ConfigError(
            f"{name} is not a valid address; write postgresql://user:password@host:5432/database."
        ) from None
    if parts.scheme not in ("postgresql", "postgres", "postgresql+psycopg") or not port_is_right:
        raise ConfigError(f"{name} must begin with postgresql://, the only database the console speaks.")
    if len(parts.path) < 2:
        raise ConfigError(f"{name} names no database; write postgresql://user:password@host:5432/database.")
    return "postgresql" + value[len(parts.scheme) :]  # one spelling for everyone who reads it


def _further_url(env: Mapping[str, str], name: str) -> str | None:
    """Another login of the same database."""
    url = _postgres_url(env, name)
    if url and "DATABASE_URL" not in env:
        raise ConfigError(f"{name} is set without DATABASE_URL; name both, or neither for the embedded database.")
    return url


def _key(name: str, value: str) -> str:
    """A key of at least 32 bytes that is neither an example nor a pattern: a weak one is found from a single cookie."""
    if len(value.encode()) < 32:
        raise ConfigError(f"{name} is shorter than 32 bytes; make one with: openssl rand -hex 32")
    if any(word in value.lower() for word in _EXAMPLE_WORDS):
        raise ConfigError(f"{name} looks like an example; make one with: openssl rand -hex 32")
    repeats = any(value[period:] == value[:-period] for period in range(1, len(value) // 2 + 1))
    if repeats or len(set(value)) < 10:
        raise ConfigError(f"{name} repeats itself; make one with: openssl rand -hex 32")
    return value


def _kept_key(data_dir: Path) -> str:
    """The key of this DATA_DIR, made at the first start. Every process of the console must come to the same one."""
    path = data_dir / "secret_key"
    try:
        write_private(path, secrets.token_hex(32) + "\n")
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(f"The secret key cannot be kept in {path}: {error.strerror}.") from None
    try:
        return _key(f"The secret key in {path}", path.read_text("ascii").strip())
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"The secret key in {path} cannot be read by this account.") from None


def write_private(path: Path, text: str) -> None:
    """Write a file that only this account may read, whole or not at all. Raises FileExistsError if it is there already."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()


def _public_url(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        right = False
    if not right or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise ConfigError("PUBLIC_URL must be the plain address people type, such as https://console.example.com.")
    return value.rstrip("/")


def _any_address(host: str) -> bool:
    return host in ("0.0.0.0", "::")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_open_http(host: str, public_url: str | None, allow_http: bool) -> None:
    """Passwords do not travel in clear over a network unless the operator has said so by name."""
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", host):
        raise ConfigError(f"HOST must be an address or a host name, not {host!r}.")
    if allow_http:
        return
    if public_url and public_url.startswith("http://") and not _loopback(urlsplit(public_url).hostname or ""):
        raise ConfigError(
            "PUBLIC_URL is plain http beyond this machine; use https, or set ALLOW_HTTP=1 if you mean it."
        )
    if not _loopback(host) and not (public_url or "").startswith("https://"):
        raise ConfigError(
            f"HOST={host} would serve plain http beyond this machine; put a TLS proxy in front and set PUBLIC_URL to its"
            " https address, or set ALLOW_HTTP=1 if you mean it."
        )


def _trusted_hosts(named: list[str], host: str, public_url: str | None) -> tuple[str, ...]:
    """The Host headers we answer to. An address such as 0.0.0.0 says nothing about names, so then they must be given."""
    hosts = list(named)
    if public_url:
        hosts.append(urlsplit(public_url).hostname or "")
    elif _any_address(host) and not named:
        raise ConfigError(
            f"HOST={host} answers on every address; name the ones people use in TRUSTED_HOSTS or PUBLIC_URL."
        )
    elif not _loopback(host) and not _any_address(host):
        hosts.append(f"[{host}]" if ":" in host else host)
    return tuple(dict.fromkeys([*hosts, *LOOPBACK_NAMES]))


def _schema(value: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value) or value.startswith("pg_") or value == "information_schema":
        raise ConfigError(f"CONSOLE_SCHEMA must be a plain lower-case schema name, not {value!r}.")
    return value


def _pooler(value: str | None) -> str | None:
    if value not in (None, "transaction"):
        raise ConfigError(f"POOLER must be 'transaction' or nothing, not {value!r}.")
    return value


def _environment(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", value):
        raise ConfigError(f"CONSOLE_ENV must be one lower-case word such as staging, not {value!r}.")
    return value
