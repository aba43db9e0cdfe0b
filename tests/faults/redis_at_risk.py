"""A Redis that tests may empty, kill and start again without anything it knew, or with an old snapshot."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Thread

from redis import Redis, exceptions

from portal.adapters import embedded_redis
from tests import servers
from tests.patience import eventually


class RedisAtRisk:
    """One address, and behind it a server that comes and goes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, folder / "data"
        self._socket = folder / "redis.sock"
        self._running = ExitStack()
        self.url = embedded_redis.url_of(self._socket)
        self.start()

    def start(self, snapshot: Path | None = None) -> None:
        """A server that knows nothing, or what the snapshot knew."""
        self._data.mkdir()
        if snapshot:
            shutil.copy(snapshot, self._data / "dump.rdb")
        options = ["--port", "0", "--unixsocket", str(self._socket), "--dir", str(self._data)]
        command = [str(embedded_redis.server_binary()), *options, "--appendonly", "no", "--save", ""]
        self._running.enter_context(servers.kept_running(command, self._data, end="KILL"))
        assert eventually(self._answers), "Redis did not start"

    def kill(self) -> None:
        """SIGKILL; nothing stays behind."""
        self._running.close()

    def restart(self, snapshot: Path | None = None) -> None:
        """Killed, and back at once with nothing, or with an old snapshot: bells that were heard long ago."""
        self.kill()
        self.start(snapshot)

    def empty(self) -> None:
        with closing(self.client()) as client:
            client.flushall()

    def snapshot(self) -> Path:
        """What it knows now, written down; uncompressed, so that it can be searched."""
        with closing(self.client()) as client:
            client.config_set("rdbcompression", "no")
            client.save()
        return Path(shutil.copy(self._data / "dump.rdb", self._folder / "snapshot.rdb"))

    def write_down_everything(self, transcript: Path) -> Thread:
        """Everything anybody says to it goes into that file from now on, until it ends."""
        listener = socket.socket(socket.AF_UNIX)
        listener.connect(str(self._socket))
        listener.sendall(b"MONITOR\r\n")
        assert listener.recv(5) == b"+OK\r\n"

        def listen() -> None:
            with listener, transcript.open("wb") as file:
                while heard := listener.recv(65536):
                    file.write(heard)

        listening = Thread(target=listen, daemon=True)
        listening.start()
        return listening

    def client(self) -> Redis:
        return Redis.from_url(self.url)

    def _answers(self) -> bool:
        try:
            with closing(self.client()) as client:
                return bool(client.ping())
        except exceptions.ConnectionError:
            return False


@contextmanager
def running() -> Iterator[RedisAtRisk]:
    with servers.throwaway_folder("risk") as folder:
        redis = RedisAtRisk(folder)
        try:
            yield redis
        finally:
            redis.kill()
