"""`portal providers`."""

import os
from pathlib import Path

import click

from portal.cli.context import in_portal


@click.group(invoke_without_command=True, short_help="List the catalog and what is configured.")
@click.pass_context
def command(context: click.Context) -> None:
    """List the providers of the catalog: which are configured, and which environment names the others are missing.

    \b
    Example:
      portal providers
      portal providers check acme.toml
    """
    if context.invoked_subcommand is None:
        _list()


@in_portal
def _list() -> None:
    from portal import clock
    from portal.extensions import catalog, config
    from portal.providers.apps import missing_names
    from portal.services import deadlines

    known = catalog()
    width = max((len(provider.id) for provider in known.all), default=0)
    for provider in known.all:
        missing = ", ".join(missing_names(provider, config().environ)) or "see the problems below"
        state = "configured" if known.app(provider.id) else f"not configured, missing: {missing}"
        if provider.kind.is_service and known.app(provider.id):
            state = "configured: admins connect it by a key"
        if not provider.kind.has_app:
            state = "not connected by consent, only its answers are understood"
        click.echo(f"{provider.id:<{width}}  {provider.name}: {state}")
        for deadline in deadlines.all_of(provider.id):
            click.echo(f"{'':<{width}}  {deadline.title(today=clock.now().date())}")
    for problem in known.problems:
        click.echo(f"problem: {problem}")
    counts = f"{len(known.all)} in the catalog, {len(known.offered)} that people can connect"
    click.echo(f"{counts}, {len(known.problems)} to put right.")


@command.command(short_help="Check a provider's file and show what it would ask.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_context
def check(context: click.Context, file: Path) -> None:
    """Check a provider's file as at start and show every request it leads to. Asks nobody, needs no configuration.

    \b
    Example:
      portal providers check acme.toml
    """
    from portal.config import private_hosts
    from portal.services import provider_files

    checked = provider_files.check(file, private_hosts=private_hosts(os.environ))
    for problem in checked.problems:
        click.echo(f"problem: {problem}")
    if checked.problems:
        context.exit(1)
    for step in checked.steps:
        click.echo(f"{step.purpose}: {step.request}")
        for sent in step.sends:
            click.echo(f"    {sent}")
    click.echo(f"{checked.provider_id} ({checked.name}) is right; {checked.fault_rules} rules tell its faults.")
