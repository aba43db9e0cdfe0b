"""`portal members`."""

from functools import partial
from pathlib import Path

import click

from portal import clock
from portal.cli import imports
from portal.cli.context import in_portal


@click.group(short_help="Import an organization's people.")
def command() -> None:
    """Import an organization's people.

    \b
    Example:
      portal members import people.csv --organization acme --dry-run
    """


@command.command("import", short_help="Import people from a CSV file.")
@click.argument("file", type=imports.ExistingFile, metavar="FILE.csv")
@click.option("--organization", "slug", required=True, metavar="SLUG", help="Whose people they are.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Check the file and change nothing.")
@click.option("--invite", "is_inviting", is_flag=True, help="E-mail an invitation to everybody not invited before.")
@in_portal
def import_file(file: Path, slug: str, is_dry_run: bool, is_inviting: bool) -> None:  # noqa: FBT001 - click's flags
    """Import people from a UTF-8 CSV file with the columns email,name,role,team.

    The role is member, team_owner or org_admin; empty means member. Known people are brought to what the file says,
    where it says something. Every bad line is named with its number, and then nothing is done. Importing a file twice
    changes nothing.

    \b
    Example:
      portal members import people.csv --organization acme --dry-run
      portal members import people.csv --organization acme --invite
    """
    from portal.services import member_imports, organizations

    asker = organizations.command_asker(slug)
    work = partial(
        member_imports.import_members, asker, is_dry_run=is_dry_run, is_inviting=is_inviting, now=clock.now()
    )
    done = imports.run(file, work)
    click.echo(imports.outcome(done, "Members"))
    if is_inviting:
        click.echo(f"Invitations: {done.invited:,} {'would be sent' if is_dry_run else 'on their way'}.")
