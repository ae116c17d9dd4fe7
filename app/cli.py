"""The `console` command: everything an operator does from a shell."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

import click

from app.commands import accounts, demonstration, importing, proofs, running
from app.commands.shell import InOrder

if TYPE_CHECKING:
    from flask import Flask

COMMANDS = (
    *(running.run, running.web, running.worker, running.migrate, running.check),
    *(accounts.staff, importing.import_, demonstration.demo, proofs.ledger, proofs.routes, proofs.policy),
)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def console() -> None:
    """BrainOps Console. Settings come from the environment; .env.example lists them all."""


for _command in COMMANDS:
    console.add_command(_command)


def register(app: Flask) -> None:
    """The same commands as `flask --app wsgi ...`; Flask keeps its own `run` and `routes` under those names."""
    for command in COMMANDS:
        app.cli.add_command(command)


def main() -> None:
    """Entry of the `console` script. A polite request to stop unwinds like Ctrl-C, so that nothing is left running."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        console(prog_name="console")
    except BrokenPipeError:
        # The reader of our output has gone (`console routes | head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
