"""A run with a skipped test is a failed run."""

import pytest

pytest_plugins = ["pytester"]

SKIPPING = """
import pytest

def test_done():
    pass

@pytest.mark.skip(reason="not today")
def test_put_off():
    pass
"""


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.delenv("PORTAL_TEST_ALLOW_SKIP", raising=False)
    pytester.makepyfile(SKIPPING)
    return lambda: pytester.runpytest_subprocess("-p", "tests.fixtures.no_skips")


def test_a_skipped_test_fails_the_run(run):
    result = run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*1 skipped, and therefore this run failed*"])


def test_a_skipped_test_may_be_allowed_in_so_many_words(run, monkeypatch):
    monkeypatch.setenv("PORTAL_TEST_ALLOW_SKIP", "1")
    assert run().ret == pytest.ExitCode.OK
