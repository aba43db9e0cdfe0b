"""Workers as operators start them, waiting for work."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from redis import Redis
from rq import Worker

from bench.processes import running
from bench.site import Site
from tests.patience import eventually

WITHIN_S = 60.0


@contextmanager
def workers(site: Site, environ: Mapping[str, str], *, processes: int) -> Iterator[None]:
    """So many worker processes of a portal, every one of them listening when this yields."""
    command = [sys.executable, "-m", "portal.cli", "worker", "--processes", str(processes)]
    log = site.folder / "workers.log"
    with closing(Redis.from_url(site.redis_url)) as redis, running(command, environ, log):
        if not eventually(lambda: Worker.count(connection=redis) == processes, within_s=WITHIN_S):
            raise RuntimeError(f"the workers do not come:\n{log.read_text(errors='replace')[-3000:]}")
        yield
