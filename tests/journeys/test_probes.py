"""What becomes of a consent is looked at soon after, over real HTTP."""

from datetime import timedelta

from flask import Flask

from portal import clock
from portal.services import probes
from tests.journeys.conftest import Traveller

SOON = timedelta(minutes=6)


def probe(app: Flask) -> int:
    now = clock.now() + SOON
    with app.app_context():
        return sum(probes.probe_batch(batch, now=now) for batch in probes.claim_due_batches(now=now))


def test_a_good_consent_is_found_working(traveller: Traveller, app: Flask) -> None:
    traveller.connect("social-business", nickname="Bakery")
    place = traveller.page.path
    assert "Last found working" not in traveller.page.get(place).text
    assert probe(app) == 1
    page = traveller.page.get(place)
    assert "Last found working" in page.text
    assert "It is another login now" not in page.text
    assert "Other accounts are shared than before" not in page.text


def test_a_consent_withdrawn_at_the_provider_is_noticed_without_a_backend_asking(
    traveller: Traveller, app: Flask
) -> None:
    traveller.connect("social-business", nickname="Bakery")
    place = traveller.page.path
    traveller.provider.control("social/revoke")
    assert probe(app) == 0
    assert "Needs reconsent" in traveller.page.get(place).text
