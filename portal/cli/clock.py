"""`portal clock`."""

import os
import re
from datetime import timedelta
from pathlib import Path

import click

from portal import clock
from portal.config import load_config
from portal.rules.moments import in_iso

SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
FARTHEST = timedelta(days=3650)
MOST_S = 2 * int(FARTHEST.total_seconds())  # whatever is more is too much as well
SHIFT = re.compile(r"\+((?:\d{1,9}[dhms])+)")


@click.command(short_help="Show or move the demo's clock.")
@click.argument("change", required=False, metavar="[+14d | +3h | reset]")
def command(change: str | None) -> None:
    """Show what time it is for the portal, or move that time by so much more (d h m s), for demo and test only.

    Every process of the portal sees it within two seconds.

    \b
    Example:
      portal clock +14d
      portal clock reset
    """
    path = load_config(os.environ).clock_path
    if change is not None:
        _change(path, change)
    clock.follow(path)
    click.echo(in_iso(clock.now().replace(microsecond=0)))


def _change(path: Path | None, change: str) -> None:
    by = None if change == "reset" else _shift(change)
    if path is None:
        raise click.ClickException("Only the clock of a demo or a test can be moved: PORTAL_ENV is neither.")
    if by is None:
        clock.reset(path)
    elif clock.read_offset(path) + by > FARTHEST:
        raise click.ClickException("The clock cannot go further than ten years ahead. Use `portal clock reset` first.")
    else:
        clock.move(path, by)


def _shift(change: str) -> timedelta:
    """`+1d12h` as a duration."""
    if not (found := SHIFT.fullmatch(change)):
        raise click.UsageError(f"{change!r} is none of +14d, +3h, +90m, +1d12h, reset.")
    parts = re.findall(r"(\d+)([dhms])", found[1])
    seconds = sum(int(number) * SECONDS[unit] for number, unit in parts)
    return timedelta(seconds=min(seconds, MOST_S))
