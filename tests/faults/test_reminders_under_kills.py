"""No e-mail is lost and hardly one comes twice, whoever is killed while they leave."""

import random
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle, islice

import pytest

from tests.faults import people
from tests.faults.conftest import BOTH, sizes
from tests.faults.mail_server import MailServer
from tests.faults.redis_at_risk import RedisAtRisk
from tests.faults.site import Site
from tests.patience import eventually

DUE_NOW = timedelta(days=13)
NEXT_TICK = timedelta(minutes=1)
CLAIMS_LAPSE = timedelta(minutes=3)
LONG_ENOUGH, FOR_EACH = timedelta(minutes=20), timedelta(seconds=0.5)  # how fast they leave is measured elsewhere
IN_THE_MIDDLE = 8  # mails of a wave: enough to be under way, few enough not to be done


@dataclass(frozen=True)
class Size:
    people: int
    kills: int


class Killer:
    """Kills a part of the portal and starts another in its place."""

    def __init__(self, site: Site, redis: RedisAtRisk) -> None:
        self._site, self._redis = site, redis
        self._workers = [site.worker(), site.worker()]
        self._scheduler, self._web = site.scheduler(), site.portal_web()
        self.killed_workers = 0

    def kill_worker(self) -> None:
        self._workers.pop(random.randrange(2)).kill()
        self._workers.append(self._site.worker())
        self.killed_workers += 1

    def kill_scheduler(self) -> None:
        self._scheduler.kill()
        self._scheduler = self._site.scheduler()

    def kill_web(self) -> None:
        self._web.kill()
        self._web = self._site.portal_web()

    def kill_redis(self) -> None:
        self._redis.restart()


@sizes(Size(240, 6), Size(10_000, 100))
@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_no_kill_loses_an_email_or_doubles_more_than_the_one_on_its_way(
    site: Site, redis: RedisAtRisk, mail: MailServer, size: Size
):
    killer = Killer(site, redis)
    worker, others = killer.kill_worker, (killer.kill_redis, killer.kill_scheduler, killer.kill_web)
    kills = islice(cycle(kill for other in others for kill in (worker, other)), size.kills)
    crowd: list[str] = []
    for number, kill in enumerate(kills):
        crowd += people.make_crowd(size.people // size.kills, name=f"Wave{number}", ends_in=DUE_NOW, now=site.now())
        came = len(mail.ledger)
        site.move_clock(NEXT_TICK)
        assert eventually(lambda came=came: len(mail.ledger) > came + IN_THE_MIDDLE, within_s=60), people.statuses()
        kill()

    def is_over() -> bool:  # who was not claimed yet has no row either
        if len(mail.ledger) < len(crowd):
            return False
        return set(mail.recipients) >= set(crowd) and set(people.statuses()) == {"sent"}

    took = site.pass_time(is_over, by=CLAIMS_LAPSE, at_most=LONG_ENOUGH + size.people * FOR_EACH)
    assert took is not None, people.statuses()
    assert set(mail.recipients) == set(crowd), "lost"
    doubled = mail.duplicates()
    assert len(mail.ledger) - len(crowd) <= killer.killed_workers
    assert all(len({copy.link for copy in copies}) == 1 for copies in doubled.values())
    assert sum(len(copies) - 1 for copies in doubled.values()) == len(mail.ledger) - len(crowd), "another Message-ID"


@sizes(150, 10_000)
def test_without_kills_nothing_comes_twice(site: Site, mail: MailServer, size: int):
    site.worker(), site.worker(), site.scheduler()
    crowd = people.make_crowd(size, name="Crowd", ends_in=DUE_NOW, now=site.now())
    site.move_clock(NEXT_TICK)
    mail.wait_for(size, within_s=30 + size / 20)
    site.move_clock(CLAIMS_LAPSE)
    site.tick_now()
    assert mail.recipients == dict.fromkeys(crowd, 1)
