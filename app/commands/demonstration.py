"""`console demo`: the demonstration company at any scale, the same rows for the same seed."""

from __future__ import annotations

import time

import click

from app.commands.shell import database


@click.group()
def demo() -> None:
    """Demonstration data."""


@demo.command()
@click.option("--customers", type=click.IntRange(0), help="How many customers in all; without it, the real export's.")
@click.option("--decisions", type=click.IntRange(0), help="How many AI decisions; 40,000 without it.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other rows.")
@click.option("--profile", type=click.Choice(["normal", "hostile"]), default="normal", show_default=True)
def load(customers: int | None, decisions: int | None, seed: int, profile: str) -> None:
    """Load it by COPY. `hostile` puts markup, formulas and control characters everywhere text can stand."""
    from app import demo as company

    began = time.monotonic()
    with database() as config:
        company.load(
            config.database_url or "",
            config.console_schema,
            customers=customers,
            decisions=decisions,
            seed=seed,
            profile=profile,
        )
    click.echo(f"Loaded in {time.monotonic() - began:.1f} s.")
