"""`portal scheduler`."""

import signal
from threading import Event
from types import FrameType

import click

from portal.cli.context import portal


@click.command(short_help="Run the ticker.")
def command() -> None:
    """Ring for periodic work when its time has come, until SIGTERM or Ctrl-C. Any number may run, anywhere.

    \b
    Example:
      portal scheduler
    """
    stop = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    app = portal()
    from jobs import scheduler

    scheduler.run(app, stop)
