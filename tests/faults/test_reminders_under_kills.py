"""No e-mail is lost and hardly one comes twice, whoever is killed meanwhile, and however many tick."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from tests.faults import people
from tests.faults.conftest import sizes
from tests.faults.mail_server import MailServer
from tests.faults.processes import Process
from tests.faults.redis_at_risk import RedisAtRisk
from tests.faults.site import Site, settles
from tests.patience import eventually

DUE = timedelta(days=13)
CLAIMS_HAVE_LAPSED = timedelta(minutes=3, seconds=5)


@dataclass(frozen=True)
class Size:
    people: int
    kills: int


def test_kills(site: Site, mail: MailServer, redis: RedisAtRisk):
    size = Size(480, 8)
    workers = [site.worker(), site.worker()]
    scheduler = site.scheduler()
    expected: list[str] = []
    killed = 0
    for n in range(size.kills):
        batch = people.make_crowd(size.people // size.kills, name=f"Crowd{n}", ends_in=DUE, now=site.now())
        expected += batch
        before = len(mail.ledger)
        site.move_clock(timedelta(seconds=15))
        assert eventually(lambda: len(mail.ledger) > before + 10, within_s=30), people.statuses()
        for w in workers:
            if 1:
                w.kill(); killed += 1
        print(n, len(mail.ledger) - before, people.statuses())
        workers = [site.worker(), site.worker()]
    settles(lambda: len({one.recipient for one in mail.ledger}) == len(expected), site=site, by=CLAIMS_HAVE_LAPSED)
    print(people.statuses(), len(mail.ledger), len(expected), len(mail.duplicates()))
    dups = mail.duplicates()
    assert {one.recipient for one in mail.ledger} == set(expected)
    for copies in dups.values():
        assert len({c.link for c in copies}) == 1
    print("dups", {k: len(v) for k, v in dups.items()}, killed)
    assert 0
