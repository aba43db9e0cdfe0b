"""`portal organization`."""

import click

from portal import clock
from portal.cli.context import in_portal


@click.group(short_help="Make organizations.")
def command() -> None:
    """Make organizations, the tenants of this portal.

    \b
    Example:
      portal organization create "Acme" --admin chloe@acme.example --timezone Europe/Berlin
    """


@command.command(short_help="Make one and invite its admin.")
@click.argument("name")
@click.option("--admin", "admin_email", required=True, metavar="EMAIL", help="Who administers it first.")
@click.option("--timezone", "time_zone", default="UTC", show_default=True, metavar="ZONE", help="Its own time zone.")
@in_portal
def create(name: str, admin_email: str, time_zone: str) -> None:
    """Make an organization, e-mail its admin an invitation, and print its slug and id.

    \b
    Example:
      portal organization create "Acme" --admin chloe@acme.example --timezone Europe/Berlin
    """
    from portal.services import organizations

    made = organizations.create(name, admin_email=admin_email, time_zone=time_zone, now=clock.now())
    if made.namesake:
        click.echo(f"There is another organization of this name, {made.namesake}; this is a second one.", err=True)
    click.echo(f"slug: {made.slug}")
    click.echo(f"id: {made.id}")
