"""The queue (RQ): a bell that wakes workers. What is to be done stands in the database, so a lost bell loses nothing.

One queue for everything, because a worker that waits on one queue alone never loses a job between taking it and
starting it. Jobs carry ids and plain words as JSON: nothing in Redis can run code or tell a secret.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from time import monotonic

import structlog
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, ResponseError
from redis.retry import Retry
from rq import Queue, Worker
from rq.exceptions import DuplicateJobError
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from portal.adapters import embedded_redis
from portal.adapters.probes import why_redis_fails
from portal.extensions import config, redis

NAME = "reconsent"
JOB_TIMEOUT_S = 180  # jobs bound themselves; this ends one that hangs all the same
KEEP_FAILED_S = 3600
ANSWER_WITHIN_S = 3
TOLD_EVERY_S = 60.0
WAITS_AT_MOST_S = 600  # a bell that nobody heard for so long has been rung again by then

QueueGone = RedisError  # what is raised where an answer cannot do without Redis

log = structlog.get_logger(__name__)


class _Outage:
    """Tells once a minute that bells are lost: a scheduler alone has some to ring every second."""

    def __init__(self) -> None:
        self._told_at: float | None = None

    def seen(self, job: str, error: RedisError) -> None:
        """One more bell was lost."""
        if self._told_at is None or monotonic() - self._told_at >= TOLD_EVERY_S:
            self._told_at = monotonic()
            log.warning("the queue cannot be reached", job=job, error=why_redis_fails(error))

    def over(self) -> None:
        """A bell was heard."""
        if self._told_at is not None:
            self._told_at = None
            log.warning("the queue can be reached again")


_outage = _Outage()


def ring(dotted_name: str, *args: object, at_front: bool = False) -> bool:
    """Wake a worker for this job; False when Redis cannot be reached, and then the sweep will ring again."""
    return _enqueue(dotted_name, args, at_front=at_front)


def ring_once(job_id: str, dotted_name: str, *args: object, remember: timedelta, at_front: bool = False) -> bool:
    """As `ring`, but nothing happens when a job of that id waits, runs, or has ended within `remember`."""
    return _enqueue(dotted_name, args, at_front=at_front, job_id=job_id, kept_s=int(remember.total_seconds()))


def length() -> int:
    """How many jobs wait; raises QueueGone when Redis cannot be reached."""
    return queue_on(redis()).count


def running() -> int:
    """How many jobs are being worked on; not those of this machine's workers that were killed: nobody ends them."""
    started = StartedJobRegistry(NAME, connection=redis(), serializer=JSONSerializer).get_job_ids(cleanup=True)
    jobs = Job.fetch_many(started, connection=redis(), serializer=JSONSerializer)
    return sum(job is not None and not _is_abandoned(job) for job in jobs)


def _is_abandoned(job: Job) -> bool:
    name = job.worker_name
    worker = name and Worker.find_by_key(f"{Worker.redis_worker_namespace_prefix}{name}", connection=redis())
    if not worker or worker.hostname != socket.gethostname() or not worker.pid:
        return False
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


def is_reachable() -> bool:
    """Whether Redis answers."""
    try:
        return bool(redis().ping())
    except RedisError:
        return False


def is_within_reach() -> bool:
    """Whether Redis answers, asked once and without patience; raises QueueGone where it does answer and refuses us.

    It refuses whoever has the wrong password or asks for a database that is not there: no waiting mends that.
    """
    patience = {"socket_timeout": ANSWER_WITHIN_S, "socket_connect_timeout": ANSWER_WITHIN_S}
    with closing(Redis.from_url(url(), retry=Retry(NoBackoff(), 0), **patience)) as own:
        try:
            return bool(own.ping())
        except (AuthenticationError, AuthorizationError, ResponseError):
            raise
        except RedisError:
            return False


def revive() -> None:
    """Start the portal's own Redis again if it is the one in use and has ended; somebody else's is theirs to start."""
    if config().redis_url is None:
        embedded_redis.ensure_running(config().data_dir)


def url() -> str:
    """The address of the Redis in use."""
    return config().redis_url or embedded_redis.ensure_running(config().data_dir)


@contextmanager
def connection() -> Iterator[Redis]:
    """A connection of its own for a worker, which waits on it for longer than anybody else would."""
    with closing(Redis.from_url(url())) as own:
        yield own


def queue_on(own: Redis) -> Queue:
    """The one queue, over this connection."""
    return Queue(NAME, connection=own, serializer=JSONSerializer, default_timeout=JOB_TIMEOUT_S)


def _enqueue(
    dotted_name: str, args: tuple[object, ...], *, at_front: bool, job_id: str | None = None, kept_s: int = 0
) -> bool:
    try:
        queue_on(redis()).enqueue_call(
            dotted_name,
            args=args,
            at_front=at_front,
            job_id=job_id,
            unique=job_id is not None,
            ttl=WAITS_AT_MOST_S,
            result_ttl=kept_s,
            failure_ttl=kept_s or KEEP_FAILED_S,
            description=dotted_name,
        )
    except DuplicateJobError:
        pass
    except RedisError as error:
        _outage.seen(dotted_name, error)
        return False
    _outage.over()
    return True
