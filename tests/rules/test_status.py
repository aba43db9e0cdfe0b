from datetime import datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.status import (
    HOLDING,
    Clocks,
    ConnectionState,
    DateSource,
    HumanClock,
    HumanDeadline,
    Status,
    consent_expires_at,
    human_deadline,
    status_of,
)
from tests.rules.strategies import NOON, SECOND, moments

LEAD = timedelta(days=14)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("left", "status"),
    [
        (-DAY, Status.ENDED),
        (-SECOND, Status.ENDED),
        (timedelta(0), Status.ENDED),
        (SECOND, Status.ENDING),
        (LEAD - SECOND, Status.ENDING),
        (LEAD, Status.ENDING),
        (LEAD + SECOND, Status.ACTIVE),
        (400 * DAY, Status.ACTIVE),
    ],
)
def test_an_active_connection_is_as_near_its_end_as_its_date_says(left: timedelta, status: Status) -> None:
    assert status_of(ConnectionState.ACTIVE, NOON + left, now=NOON, lead=LEAD) is status


def test_a_connection_without_an_end_is_active() -> None:
    assert status_of(ConnectionState.ACTIVE, None, now=NOON, lead=LEAD) is Status.ACTIVE


@pytest.mark.parametrize("state", [state for state in ConnectionState if state is not ConnectionState.ACTIVE])
@pytest.mark.parametrize("expires_at", [None, NOON - DAY, NOON, NOON + DAY, NOON + 99 * DAY])
def test_every_other_state_is_told_whatever_its_date(state: ConnectionState, expires_at: datetime | None) -> None:
    assert status_of(state, expires_at, now=NOON, lead=LEAD).value == state.value


def test_the_stored_words_and_the_seen_words_are_the_contract() -> None:
    assert [state.value for state in ConnectionState] == [
        "invited", "active", "needs_reconsent", "displaced", "disconnected",
    ]  # fmt: skip
    assert {status.value for status in Status} == {
        "active", "ending", "ended", "needs_reconsent", "displaced", "disconnected", "invited",
    }  # fmt: skip
    assert Status.NEEDS_RECONSENT.label == "Needs reconsent"


def test_only_active_connections_and_those_that_wait_for_their_member_hold_a_login() -> None:
    assert {ConnectionState.ACTIVE, ConnectionState.NEEDS_RECONSENT} == HOLDING


REFRESH, ACCESS, CONSENT, POLICY = (NOON + days * DAY for days in (40, 30, 20, 10))


@pytest.mark.parametrize(
    ("clocks", "deadline"),
    [
        (Clocks(), None),
        (
            Clocks(refresh_absolute_at=REFRESH, refresh_absolute_source=DateSource.CATALOG),
            HumanDeadline(REFRESH, HumanClock.REFRESH_ABSOLUTE, DateSource.CATALOG),
        ),
        (
            Clocks(refresh_absolute_at=REFRESH, access_ends_at_without_refresh=ACCESS),
            HumanDeadline(ACCESS, HumanClock.ACCESS_WITHOUT_REFRESH, DateSource.RESPONSE),
        ),
        (
            Clocks(access_ends_at_without_refresh=ACCESS, access_source=DateSource.INTROSPECTION),
            HumanDeadline(ACCESS, HumanClock.ACCESS_WITHOUT_REFRESH, DateSource.INTROSPECTION),
        ),
        (
            Clocks(REFRESH, ACCESS, CONSENT, POLICY, consent_source=DateSource.INTROSPECTION),
            HumanDeadline(CONSENT, HumanClock.CONSENT, DateSource.INTROSPECTION),
        ),
        (Clocks(policy_ends_at=POLICY), HumanDeadline(POLICY, HumanClock.POLICY, DateSource.ADMIN)),
        (
            Clocks(refresh_absolute_at=CONSENT, consent_ends_at=CONSENT),
            HumanDeadline(CONSENT, HumanClock.REFRESH_ABSOLUTE, DateSource.RESPONSE),
        ),
    ],
)
def test_the_earliest_clock_that_needs_a_human_decides(clocks: Clocks, deadline: HumanDeadline | None) -> None:
    assert human_deadline(clocks) == deadline
    assert consent_expires_at(clocks) == (deadline.at if deadline else None)


@given(*[st.none() | moments] * 4)
def test_the_admins_period_counts_only_where_the_provider_states_no_date(
    refresh: datetime | None, access: datetime | None, consent: datetime | None, policy: datetime | None
) -> None:
    stated = [at for at in (refresh, access, consent) if at is not None]
    expected = min(stated) if stated else policy
    assert consent_expires_at(Clocks(refresh, access, consent, policy)) == expected


@given(st.sampled_from(ConnectionState), st.none() | moments, moments, st.timedeltas(SECOND, 90 * DAY))
def test_time_only_ever_moves_a_connection_towards_its_end(
    state: ConnectionState, expires_at: datetime | None, now: datetime, lead: timedelta
) -> None:
    order = [Status.ACTIVE, Status.ENDING, Status.ENDED]
    steps = [status_of(state, expires_at, now=now + days * DAY, lead=lead) for days in range(0, 400, 7)]
    for earlier, later in product(range(len(steps)), repeat=2):
        if earlier < later and state is ConnectionState.ACTIVE:
            assert order.index(steps[earlier]) <= order.index(steps[later])
