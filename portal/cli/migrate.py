"""`portal migrate`."""

import click

from portal.cli.context import in_portal


@click.command(short_help="Bring the database to this version.")
@in_portal
def command() -> None:
    """Bring the database to this version, all of it or nothing. A database of a newer version is refused.

    \b
    Example:
      portal migrate
    """
    from portal.services import schema

    before, now = schema.migrate(), schema.version()
    if before.is_current:
        click.echo(f"The database is at version {now.found} already.")
    else:
        click.echo(f"The database is at version {now.found} now (it was {before.found or 'empty'}).")
