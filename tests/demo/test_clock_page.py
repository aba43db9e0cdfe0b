"""The page that moves the demo's clock."""

import pytest

from tests.page import Page


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"PORTAL_ENV": "demo"}


@pytest.mark.parametrize("days", ["0", "-1", "31", "many"])
def test_a_length_that_makes_no_sense_is_told_in_its_own_words(page: Page, days: str) -> None:
    page.get("/demo/clock").submit("One day", days=days, status=400)
    assert "The clock goes forward by 1 to 30 days at a time." in page.text
