"""`portal tick`."""

import click

from portal.cli.context import in_portal


@click.command(short_help="Do all periodic work now.")
@in_portal
def command() -> None:
    """Do all periodic work that is due, wait until the queue is drained, and print what was done.

    \b
    Example:
      portal tick
    """
    from jobs import tick

    is_all_done = True
    for done in tick.run():
        click.echo(f"{done.name}: {done.outcome}")
        is_all_done = is_all_done and done.is_done
    if not is_all_done:
        raise click.ClickException("The queue is not drained: look at the workers and their logs.")
