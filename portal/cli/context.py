"""The portal a command works in: made only when the command runs, so that `--help` needs no configuration."""

import gc
import os
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask

P = ParamSpec("P")
T = TypeVar("T")


def in_portal(command: Callable[P, T]) -> Callable[P, T]:
    """Run a command inside a portal's application context."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with portal().app_context():
            return command(*args, **kwargs)

    return run


def portal() -> Flask:
    """A portal configured by this process's environment; raises ConfigurationInvalid."""
    check_configuration()
    from portal.app import create_app

    app = create_app()
    gc.freeze()  # what was loaded stays; looking through it again and again costs an import a third of its time
    return app


def check_configuration() -> None:
    """Raise ConfigurationInvalid before anything heavy is loaded: what is set wrongly is told at once."""
    from portal import logs
    from portal.config import load_config

    logs.configure(load_config(os.environ))
