"""`portal worker`."""

import os
import signal
import sys
import threading

import click

from portal.cli.context import check_configuration, portal

MOST_PROCESSES = 64


@click.command(short_help="Do the queue's work.")
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, MOST_PROCESSES), help="How many.")
@click.option("--until-eof", is_flag=True, hidden=True, help="End when the standard input does.")
def command(processes: int, until_eof: bool) -> None:  # noqa: FBT001 - click hands flags over so
    """Do what the queue rings for, until SIGTERM or Ctrl-C; the job at hand is finished first. Any number may run.

    \b
    Example:
      portal worker --processes 2
    """
    if processes > 1:
        from portal.cli import supervisor

        check_configuration()  # or each process would find out for itself, again and again
        if not supervisor.run([sys.executable, "-m", "portal.cli", "worker", "--until-eof"], processes):
            sys.exit(1)
    else:
        _work(until_eof=until_eof)


def _work(*, until_eof: bool) -> None:
    app = portal()
    from jobs import worker

    if until_eof:
        threading.Thread(target=_end_with_input, daemon=True).start()
    worker.run(app)


def _end_with_input() -> None:
    """The one who started us holds the other end: when it is gone, however it went, we end as if it had told us."""
    while os.read(0, 4096):  # not through sys.stdin, whose lock a thread must not hold when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)
