"""Any number may tick: schedulers, operators' `portal tick`, all at once; nothing happens twice."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from portal.rules.roles import Role
from portal.services import organizations
from tests.factories import make_member
from tests.faults import people
from tests.faults.conftest import BOTH, sizes
from tests.faults.mail_server import MailServer
from tests.faults.site import Site

DUE_NOW = timedelta(days=13)
NEXT_TICK = timedelta(minutes=1)


@dataclass(frozen=True)
class Size:
    people: int
    ticks: int


@sizes(Size(200, 3), Size(10_000, 10))
@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_many_schedulers_and_ticks_send_everything_once(site: Site, mail: MailServer, size: Size):
    crowd = people.make_crowd(size.people, name="Crowd", ends_in=DUE_NOW, now=site.now())
    schedulers = [site.scheduler() for _ in range(3)]
    worker = site.worker()
    ticks = [site.tick() for _ in range(size.ticks)]
    site.move_clock(NEXT_TICK)
    assert [(tick.wait(120 + size.people / 20), tick.said) for tick in ticks if tick.wait()] == []
    assert site.pass_time(lambda: len(mail.ledger) >= size.people, by=NEXT_TICK, at_most=timedelta(hours=1)) is not None
    site.tick_now()
    assert mail.recipients == dict.fromkeys(crowd, 1)
    assert all(process.is_running for process in [worker, *schedulers])


def test_an_admin_gets_one_digest_a_week_however_many_tick(site: Site, mail: MailServer):
    people.make_crowd(3, name="Crowd", ends_in=DUE_NOW, now=site.now())
    organization_id = organizations.command_asker("crowd").organization_id
    admin = make_member(organization_id, "Chloe Chen", "chloe@acme.example", Role.ORG_ADMIN, now=site.now())
    site.worker(), *(site.scheduler() for _ in range(3))
    for weeks, counts in enumerate(["3 ending, 0 ended", "0 ending, 3 ended"], start=1):
        site.move_clock(timedelta(weeks=1))
        ticks = [site.tick() for _ in range(3)]
        assert [(tick.wait(120), tick.said) for tick in ticks if tick.wait()] == []
        site.tick_now()
        assert [one.kind for one in mail.of(admin.email)] == ["admin_digest"] * weeks
        assert counts in mail.of(admin.email)[-1].message["Subject"]
