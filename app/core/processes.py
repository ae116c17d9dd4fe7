"""The console's own processes under one parent: started together, mended when one falls, stopped together."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType

from app.config import Config
from app.core.startup import ROOT, as_environment

STOP_SECONDS = 30
READY_SECONDS = 180  # one that has fallen is not waited for
# A process that keeps falling has a reason that starting it again does not cure.
MOST_FALLS, WITHIN_SECONDS = 5, 120
_PR_SET_PDEATHSIG = 1


def web_command(config: Config) -> list[str]:
    """The web server, granian. It speaks HTTP/1 and nothing else; TLS and buffering are the proxy's.

    Pages are made on WEB_THREADS threads of our own (web/gateway.py); what it counts as pressure are mostly open streams.
    """
    return [
        *(sys.executable, "-m", "granian", "--interface", "rsgi", "rsgi:server", "--working-dir", str(ROOT)),
        *("--host", config.host, "--port", str(config.port), "--http", "1", "--no-ws"),
        *("--workers", str(config.web_workers), "--backpressure", "1024"),
        *("--respawn-failed-workers", "--workers-kill-timeout", "10", "--log-level", "warning"),
    ]


@dataclass
class Child:
    """One process of ours."""

    name: str
    command: list[str]
    falls: list[float] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def start(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which stops everyone in order
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads yet
        )

    def has_fallen(self) -> bool:
        return self.process is not None and self.process.poll() is not None


def web(config: Config) -> Child:
    """The web server as one process of ours."""
    return Child("web server", web_command(config))


def worker() -> Child:
    """The background worker as one process of ours."""
    return Child("worker", [sys.executable, "-m", "app.cli", "worker", "--supervised"])


def supervise(config: Config, children: Sequence[Child], on_ready: Callable[[], None]) -> int:
    """Run the children, the web server first, until asked to stop (0) or until one of them cannot be kept up (1)."""
    environment = as_environment(config)
    with _asked_to_stop() as stop:
        try:
            children[0].start(environment)
            if not _await_web(config, children[0], stop):
                if stop.is_set():
                    return 0
                print("The web server did not come up; its own words are above.", file=sys.stderr)
                return 1
            # After the web server: somebody is waiting for the first page, nobody for the first background task.
            for child in children[1:]:
                child.start(environment)
            on_ready()
            while not stop.wait(0.5):
                for child in children:
                    if child.has_fallen() and not _mend(child, environment):
                        return 1
            return 0
        finally:
            _stop(children)


def _mend(child: Child, environment: dict[str, str]) -> bool:
    assert child.process is not None
    now = time.monotonic()
    child.falls = [*(moment for moment in child.falls if now - moment < WITHIN_SECONDS), now]
    if len(child.falls) >= MOST_FALLS:
        print(f"The {child.name} keeps ending (status {child.process.returncode}); stopping.", file=sys.stderr)
        return False
    print(f"The {child.name} ended (status {child.process.returncode}); starting it again.", file=sys.stderr)
    time.sleep(min(len(child.falls) - 1, 3))
    child.start(environment)
    return True


def _stop(children: Sequence[Child]) -> None:
    running = [child.process for child in children if child.process is not None and child.process.poll() is None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in running:
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_web(config: Config, web: Child, stop: threading.Event) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(
        config.host, f"[{config.host}]" if ":" in config.host else config.host
    )
    request = urllib.request.Request(f"http://{host}:{config.port}/healthz", headers={"Host": "localhost"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and not stop.is_set() and not web.has_fallen():
        try:
            with opener.open(request, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True  # it answers; what it answers is for /readyz to judge
        except OSError:
            stop.wait(0.05)
    return False


@contextlib.contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    """Even a parent that was killed outright takes its processes along, so that no half of a console lingers."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
