"""`portal doctor`."""

import sys

import click

from portal import clock
from portal.cli.context import in_portal


@click.command(short_help="Check that everything is well.")
@in_portal
def command() -> None:
    """Check configuration, database, Redis, SMTP, keys, providers and clock, a line each; exit 1 if one fails.

    A warning fails nothing: a worker or scheduler that was not seen lately may run soon.

    \b
    Example:
      portal doctor
    """
    from portal.services import doctor
    from portal.services.doctor import Health

    failed = 0
    for finding in doctor.examine(machine_now=clock.machine_now):
        failed += finding.health is Health.FAILED
        click.echo(f"{finding.health:<8} {finding.part:<14} {finding.words}")
    sys.exit(1 if failed else 0)
