"""The counts by status are exact to the second at any time of the day, and agree with what the list says row by row."""

from collections import Counter
from datetime import timedelta

import pytest
from flask import Flask

from portal.rules.status import ConnectionState, Status
from portal.services import listing, overview
from portal.services.listing import Filters
from tests.factories import NOON, World, make_connection

pytestmark = pytest.mark.both_databases

MIDNIGHT = NOON - timedelta(hours=12)
LEAD = timedelta(days=14)
MOMENTS = [timedelta(seconds=seconds) for seconds in (0, 1, 11 * 3600, 43_199, 43_200, 43_201, 20 * 3600, 86_399)]


@pytest.fixture
def crowd(context: Flask, world: World) -> World:
    """Ends around today and around the last day of the window, on the second and beside it."""
    spread = (-1, 0, 1, 3_600, 43_199, 43_200, 43_201, 64_800, 72_000, 86_399, 86_400)
    for day in (MIDNIGHT, MIDNIGHT + LEAD):
        for seconds in spread:
            ends_in = day + timedelta(seconds=seconds) - NOON
            make_connection(world.ana, subject=f"{day}{seconds}", consent_ends_in=ends_in)
    make_connection(world.ben, subject="gone", state=ConnectionState.NEEDS_RECONSENT)
    return world


@pytest.mark.parametrize("into_day", MOMENTS, ids=str)
def test_they_agree_with_the_list_at_any_moment(crowd: World, into_day: timedelta) -> None:
    now = MIDNIGHT + into_day
    found = overview.of_organization(crowd.chloe.asker, now=now)
    rows = listing.ending_first(crowd.chloe.asker, Filters(), now=now, limit=100).rows
    by_row = Counter(row.status for row in rows)
    assert {status: count for status, count in found.counts.items() if count} == by_row
    assert found.counts[Status.NEEDS_RECONSENT] == 1
