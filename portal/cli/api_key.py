"""`portal api-key`."""

from datetime import datetime

import click

from portal import clock
from portal.cli.context import in_portal


@click.group(short_help="Make API keys.")
def command() -> None:
    """Make API keys for an organization's backends.

    \b
    Example:
      portal api-key create --organization acme --name "Billing backend"
    """


@command.command(short_help="Make one and print it, once.")
@click.option("--organization", "slug", required=True, metavar="SLUG", help="Whose key it is.")
@click.option("--name", required=True, help="What it is called in the settings: the backend that uses it.")
@click.option("--provider", "providers", multiple=True, metavar="ID", help="Only for this provider; may be repeated.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The last day it works, 2026-12-31.")
@in_portal
def create(slug: str, name: str, providers: tuple[str, ...], expires: datetime | None) -> None:
    """Make an API key and print it alone on the last line. It is stored hashed: nobody can show it again.

    Without --provider it is for all providers, without --expires it has no end. A day ends with midnight in the
    organization's time zone.

    \b
    Example:
      portal api-key create --organization acme --name "Billing backend"
      portal api-key create --organization acme --name Archive --provider linkedin --expires 2027-06-30
    """
    from portal.rules.api_keys import Ending
    from portal.rules.names import clean_api_key_name
    from portal.services import api_keys, organizations

    asker = organizations.command_asker(slug)
    ending = Ending(on=expires.date() if expires else None)
    key, text = api_keys.create_to_end(asker, clean_api_key_name(name), ending, providers=providers, now=clock.now())
    click.echo(f"“{key.name}” for {slug}. Keep it now: it is not shown again.", err=True)
    click.echo(text.reveal())
