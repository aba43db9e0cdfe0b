"""How commands fail: one line that says what is wrong, and an exit code that scripts can rely on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from portal.rules.problems import ConfigurationInvalid, InvalidRequest, Problem

FAILED = 1
WRONG_USE = 2


@contextmanager
def as_exit_codes() -> Iterator[None]:
    """End the process with a line and a code for every failure that can be expected."""
    try:
        yield
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end("Stopped.", FAILED)
    except click.ClickException as error:
        _end(_about_use(error), error.exit_code)
    except (Problem, OSError) as error:
        _end(_about_problem(error), WRONG_USE if isinstance(error, InvalidRequest) else FAILED)
    except _storage_failures() as error:
        _end(_about_storage(error), FAILED)


def _about_use(error: click.ClickException) -> str:
    if not isinstance(error, click.UsageError) or isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()  # the latter's message is the whole help
    path = error.ctx.command_path if error.ctx else "portal"
    return f"{path}: {error.format_message()} Try `{path} --help`."


def _about_problem(error: Problem | OSError) -> str:
    if isinstance(error, ConfigurationInvalid):
        return "\n".join(error.problems)
    if isinstance(error, InvalidRequest):
        return "\n".join(f"{name}: {sentence}" for name, sentence in error.errors.items())
    if isinstance(error, Problem):
        return str(error) if error.detail else f"{error}. {error.advice}"
    return f"{error.filename or 'The system'}: {error.strerror or error}"


def _storage_failures() -> tuple[type[Exception], ...]:
    """Imported only once something has failed: start-up stays quick."""
    from portal.services import storage

    return storage.FAILURES


def _about_storage(error: Exception) -> str:
    from portal.services import storage

    return storage.in_words(error)


def _end(line: str, code: int) -> None:
    click.echo(line, err=True)
    sys.exit(code)
