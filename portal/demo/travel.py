"""`python -m portal.demo.travel --days N`: the demo's clock goes forward, and everything due is done day by day."""

import argparse
import os
import subprocess
import sys
import threading
from datetime import timedelta
from time import sleep

from portal import clock
from portal.rules.problems import InvalidRequest

SEEN_BY_ALL_S = 0.6  # every process rereads the clock within less
STEP = timedelta(days=1)
FARTHEST_DAYS = 30


class Journeys:
    """At most one journey at a time, in a process of its own: the web process goes on answering."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_under_way(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def begin(self, days: int) -> bool:
        """Set out; False while another journey is under way. Raises InvalidRequest for a length that makes no sense."""
        if not 1 <= days <= FARTHEST_DAYS:
            raise InvalidRequest({"days": f"The clock goes forward by 1 to {FARTHEST_DAYS} days at a time."})
        with self._lock:
            if self.is_under_way:
                return False
            command = [sys.executable, "-m", "portal.demo.travel", "--days", str(days)]
            self._process = subprocess.Popen(command, env=dict(os.environ))  # noqa: S603 - our own module
            return True


def main() -> None:
    """Go, stopping at each day for what the scheduler and the workers would have done in it."""
    from jobs import tick
    from portal.app import create_app

    parser = argparse.ArgumentParser(prog="python -m portal.demo.travel", description="Move the demo's clock forward.")
    parser.add_argument("--days", type=int, required=True)
    days = parser.parse_args().days
    app = create_app()
    clock_file = app.extensions["reconsent"].config.clock_path
    web_process = os.getppid()
    for _ in range(days):
        if os.getppid() != web_process:
            return  # the demo has ended meanwhile
        clock.move(clock_file, STEP)
        sleep(SEEN_BY_ALL_S)
        with app.app_context():
            for _done in tick.run():
                pass


if __name__ == "__main__":
    main()
