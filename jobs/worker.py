"""The worker: does what the queue rings for, and outlives every restart of Redis."""

from time import sleep

from flask import Flask

from portal.services import workers

PAUSE_S = 1.0


def run(app: Flask) -> None:
    """Work until SIGTERM or SIGINT; the job at hand is finished first."""
    with app.app_context():
        while not workers.work():
            workers.revive_queue()
            sleep(PAUSE_S)
