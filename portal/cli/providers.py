"""`portal providers`."""

import click

from portal.cli.context import in_portal


@click.command(short_help="List the catalog and what is configured.")
@in_portal
def command() -> None:
    """List the providers of the catalog: which are configured, and which environment names the others are missing.

    \b
    Example:
      portal providers
    """
    from portal.extensions import catalog, config
    from portal.providers.apps import missing_names

    known = catalog()
    width = max((len(provider.id) for provider in known.all), default=0)
    for provider in known.all:
        missing = ", ".join(missing_names(provider, config().environ)) or "see the problems below"
        state = "configured" if known.app(provider.id) else f"not configured, missing: {missing}"
        click.echo(f"{provider.id:<{width}}  {provider.name}: {state}")
    for problem in known.problems:
        click.echo(f"problem: {problem}")
    click.echo(f"{len(known.all)} in the catalog, {len(known.offered)} configured, {len(known.problems)} to put right.")
