"""From the first reminder to the end and beyond, day by day of the portal's clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.rules.problems import ReconsentRequired
from portal.services import tokens
from tests.demo_provider import DemoProvider
from tests.factories import make_member, make_organization
from tests.faults import grants
from tests.faults.mail_server import MailServer
from tests.faults.site import Site

STEPS = [14, 12, 10, 8, 6, 4, 2, 0]
RENEWED_AT, RENEWALS = 8, 4
SIXTY_DAYS = timedelta(days=60)


@dataclass(frozen=True)
class Calendar:
    """A time zone, and the moment by its clocks at which the consents end."""

    zone: str
    end: str

    @property
    def end_in_utc(self) -> datetime:
        return self._in_utc(datetime.fromisoformat(self.end))

    def moment(self, *, days_before: int) -> datetime:
        """A minute after the end's time of day, so many calendar days earlier."""
        return self._in_utc(datetime.fromisoformat(self.end) - timedelta(days=days_before)) + timedelta(minutes=1)

    def _in_utc(self, wall_clock: datetime) -> datetime:
        return wall_clock.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


SPRING = Calendar("America/New_York", "2027-03-16 13:00")
FULL = [
    Calendar("America/New_York", "2027-11-10 13:00"),
    Calendar("Europe/Berlin", "2028-03-05 09:00"),  # over the 29th of February
    Calendar("Europe/Berlin", "2027-04-01 17:00"),
    Calendar("Asia/Kathmandu", "2027-06-01 10:00"),
    Calendar("Pacific/Apia", "2027-10-01 12:00"),
    Calendar("Australia/Lord_Howe", "2027-04-08 12:00"),
]


def steps_of(mail: MailServer, address: str) -> list[int]:
    return [step for one in mail.of(address) for step in one.steps.values()]


@pytest.mark.parametrize(
    "calendar",
    [pytest.param(SPRING), *(pytest.param(one, marks=[pytest.mark.soak, pytest.mark.timeout(0)]) for one in FULL)],
    ids=str,
)
def test_whoever_ignores_it_gets_eight_and_whoever_renews_not_one_more(
    provider: DemoProvider, site: Site, mail: MailServer, calendar: Calendar
):
    site.travel_to(calendar.moment(days_before=15))
    organization_id = make_organization("Acme", "acme", now=site.now(), time_zone=calendar.zone)
    ana, ben = (make_member(organization_id, name, f"{name}@acme.example", now=site.now()) for name in ("ana", "ben"))
    ignored, renewed = (
        grants.connect(provider, who, who.name, ends_in=calendar.end_in_utc - site.now(), now=site.now())
        for who in (ana, ben)
    )
    site.worker(), site.scheduler()
    for number, step in enumerate(STEPS, start=1):
        site.travel_to(calendar.moment(days_before=step))
        mail.wait_for(2 * number if step >= RENEWED_AT else RENEWALS + number)
        if step == RENEWED_AT:
            grants.consent(provider, ben, "ben", ends_in=SIXTY_DAYS, now=site.now(), connection_id=renewed)
    for _ in range(3):
        site.move_clock(timedelta(days=1))
        site.tick_now()
        with pytest.raises(ReconsentRequired):
            tokens.fresh_access_token(ana.asker, ignored, now=site.now())
    assert steps_of(mail, ana.email) == STEPS
    assert steps_of(mail, ben.email) == [step for step in STEPS if step >= RENEWED_AT]
    assert {one.kind for one in mail.ledger[-1:]} == {"final_notice"}
    assert provider.counts(sub="ana")["refresh:refused"], "its refresh was tried past the end, and failed"
