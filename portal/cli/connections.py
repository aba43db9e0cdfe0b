"""`portal connections`."""

from functools import partial
from pathlib import Path

import click

from portal import clock
from portal.cli import imports
from portal.cli.context import in_portal


@click.group(short_help="Import an organization's connections.")
def command() -> None:
    """Import an organization's connections.

    \b
    Example:
      portal connections import tokens.csv --organization acme --dry-run
    """


@command.command("import", short_help="Import connections from a CSV file.")
@click.argument("file", type=imports.ExistingFile, metavar="FILE.csv")
@click.option("--organization", "slug", required=True, metavar="SLUG", help="Whose connections they are.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Check the file and change nothing.")
@in_portal
def import_file(file: Path, slug: str, is_dry_run: bool) -> None:  # noqa: FBT001 - click's flags
    """Import connections with their tokens from a UTF-8 CSV file with these columns, separated by commas:

    \b
      email,provider,nickname,subject,access_token,refresh_token,
      access_expires_at,consent_expires_at,scopes

    Times are ISO 8601 in UTC, scopes are separated by blanks, and what is unknown is left empty. Every bad line is
    named with its number, and then nothing is done. A connection that is here already is left as it is, so importing a
    file twice changes nothing. Delete the file afterwards: its tokens are not sealed.

    \b
    Example:
      portal connections import tokens.csv --organization acme --dry-run
      portal connections import tokens.csv --organization acme
    """
    from portal.services import connection_imports, organizations

    asker = organizations.command_asker(slug)
    work = partial(connection_imports.import_connections, asker, is_dry_run=is_dry_run, now=clock.now())
    done = imports.run(file, work)
    click.echo(imports.outcome(done, "Connections"))
