from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.service_keys import (
    KeyFileRefused,
    algorithm_for,
    claims_of_jwt,
    end_of_jwt,
    family_words,
    service_account_in,
    warning_due,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ALL = ("RS256", "ES256", "ES384")


@pytest.mark.parametrize(
    ("days", "due"),
    [(61, None), (60, 60), (59, 60), (31, 60), (30, 30), (8, 30), (7, 7), (1, 7), (0, None), (-1, None)],
)
def test_a_keys_end_is_told_60_30_and_7_days_before(days: int, due: int | None):
    assert warning_due(NOW + timedelta(days=days), now=NOW) == due


def test_a_key_without_an_end_is_never_warned_of():
    assert warning_due(None, now=NOW) is None


@pytest.mark.parametrize(
    ("curve", "algorithm"),
    [(None, "RS256"), ("P-256", "ES256"), ("P-384", "ES384"), ("P-521", None), ("another", None)],
)
def test_the_first_algorithm_that_fits_signs(curve: str | None, algorithm: str | None):
    assert algorithm_for(ALL, curve=curve) == algorithm
    assert algorithm_for((), curve=curve) is None


def test_what_a_provider_wants_is_said_in_words():
    assert family_words(ALL) == "an RSA key or an EC key (P-256, P-384)"
    assert family_words(("RS256",)) == "an RSA key"


@pytest.mark.parametrize("exp", [None, True, "1893456000", -1, 0, 10**18, float("inf"), float("nan")])
def test_a_moment_that_is_none_is_no_end(exp: object):
    assert end_of_jwt({"exp": exp}) is None


@given(st.text(max_size=300))
def test_no_text_breaks_the_readers(text: str):
    with suppress(KeyFileRefused):
        claims_of_jwt(text, name="X")
    with suppress(KeyFileRefused):
        service_account_in(text, token_address="x", name="X")
