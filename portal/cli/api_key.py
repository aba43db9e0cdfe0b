"""`portal api-key`."""

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
@in_portal
def create(slug: str, name: str) -> None:
    """Make an API key and print it alone on the last line. It is stored hashed: nobody can show it again.

    \b
    Example:
      portal api-key create --organization acme --name "Billing backend"
    """
    from portal.rules.names import clean_api_key_name
    from portal.services import api_keys, organizations

    asker = organizations.command_asker(slug)
    key, text = api_keys.create(asker, clean_api_key_name(name), now=clock.now())
    click.echo(f"“{key.name}” for {slug}. Keep it now: it is not shown again.", err=True)
    click.echo(text.reveal())
