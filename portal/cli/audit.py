"""`portal audit`."""

import click

from portal.cli.context import in_portal


@click.group(short_help="Export the audit log.")
def command() -> None:
    """Work with the audit log.

    \b
    Example:
      portal audit export --organization acme > acme.jsonl
    """


@command.command(short_help="Print it as JSON lines.")
@click.option("--organization", "slug", required=True, metavar="SLUG", help="Whose log it is.")
@in_portal
def export(slug: str) -> None:
    """Print an organization's whole audit log, oldest first, one JSON object a line.

    \b
    Example:
      portal audit export --organization acme > acme.jsonl
    """
    from portal.services import audit, organizations

    for line in audit.export(organizations.command_asker(slug)):
        click.echo(line)
