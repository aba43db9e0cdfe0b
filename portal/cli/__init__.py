"""The command line. Each command is a module of this package with the command's name (`api-key` is `api_key.py`).

Such a module defines `command`, a click command or group, and is imported only when it is asked for, so it may import
what it needs. Commands ask for a portal with `portal.cli.context.in_portal`, which makes one only when they run.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import click

from portal.cli import failures

PLUMBING = frozenset({"__main__", "context", "failures", "imports", "supervisor"})


class Commands(click.Group):
    """The commands there are modules for, found by name, imported when used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        modules = {module.name for module in iter_modules(__path__)} - PLUMBING
        return sorted(name.replace("_", "-") for name in modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name.replace('-', '_')}").command
        return command

    def main(self, args: Sequence[str] | None = None, *rest: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        """Every failure is one line on stderr; 0 done, 1 failed, 2 wrong use."""
        with failures.as_exit_codes():
            outcome = super().main(args, standalone_mode=False, **kwargs)
        sys.exit(outcome if isinstance(outcome, int) else 0)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="reconsent", message="%(version)s")
def main() -> None:
    """Reconsent keeps an organization's provider connections alive.

    \b
    Example:
      portal migrate
      portal worker --help
    """
