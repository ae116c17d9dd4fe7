"""The commands that start something: all of it, the web server, the worker, the migrations, the checks."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import partial

import click

from app.commands.shell import application, database, refusals
from app.config import Config, load


@click.command()
@refusals()
def run() -> None:
    """Migrate, fill an empty database, then serve: web and worker under one parent."""
    from app.core import processes, startup
    from app.first_start import furnish, furnish_desk

    settings = load()
    startup.refuse_busy_port(settings.host, settings.port)
    with ExitStack() as leaving, ExitStack() as opening:
        config, embedded = startup.open_database(settings)
        if embedded is not None:
            leaving.callback(embedded.stop)
        opening.enter_context(startup.turn(config))
        startup.refuse_busy_port(settings.host, settings.port)  # whoever went first may have it now
        startup.migrate(config)
        furnish_desk(config)
        served, weaker = startup.settle_role(config)
        greeting = furnish(served)

        def say_hello() -> None:
            opening.close()
            click.echo(f"\nBrainOps Console is open at {config.address}\n")
            for line in greeting.lines:
                click.echo(line)
            if weaker:
                click.echo(f"\nNote: {weaker}")
            click.echo("\nCtrl-C stops it.")

        status = processes.supervise(served, [processes.web(served), processes.worker()], say_hello)
    if status == 0:
        click.echo("Stopped.")
    sys.exit(status)


@click.command()
@refusals()
def web() -> None:
    """Serve pages only; any number of these may share one database."""
    from app.core import processes, startup

    settings = load()
    startup.refuse_busy_port(settings.host, settings.port)
    with database() as config:
        sys.exit(processes.supervise(config, [processes.web(config)], partial(click.echo, f"Open at {config.address}")))


@click.command()
@click.option("--supervised", is_flag=True, hidden=True, help="Started by `console run`, which has checked everything.")
@refusals()
def worker(supervised: bool) -> None:
    """Do background work only; any number of these may share one database."""
    from app.engine.background import run_worker

    if supervised:
        config = load()
        _tell_pages(config)
        run_worker(config)
        return
    with database() as config:
        _tell_pages(config)
        run_worker(config)


def _tell_pages(config: Config) -> None:
    """A worker serves no page, yet the nightly audit looks at what can be opened: it then opens the house, once, to see."""
    from app.domains.platform.audit import pages

    def mounted() -> tuple[pages.Page, ...]:
        from app import create_app

        create_app(config)  # which says how its pages are found
        return pages.every() or ()

    pages.shown_by(mounted)


@click.command()
def migrate() -> None:
    """Bring the database to this version's schema, without making anybody wait for a lock."""
    from app.core import startup
    from app.first_start import furnish_desk

    with database(migrated=False) as config:
        changed = startup.migrate(config)
        furnish_desk(config)
        _, weaker = startup.settle_role(config)
    click.echo(
        "The schema is at its newest version now." if changed else "The schema is at its newest version already."
    )
    if weaker:
        click.echo(f"Note: {weaker}")


@click.command()
def check() -> None:
    """Compare declarations with the code and the live database; status 1 and a coded sentence for each fault."""
    from app.engine import checks

    with database() as config, application(config) as app:
        faults = checks.run(app)
    for fault in faults:
        click.echo(str(fault))
    click.echo(f"{len(faults)} fault{'s' * (len(faults) != 1)}." if faults else "Every declaration holds.")
    sys.exit(1 if faults else 0)
