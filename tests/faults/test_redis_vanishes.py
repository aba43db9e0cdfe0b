"""Redis may be emptied, killed or set back in the middle of a campaign: it only carries bells."""

from datetime import timedelta

from tests.faults import people
from tests.faults.conftest import sizes
from tests.faults.mail_server import MailServer
from tests.faults.redis_at_risk import RedisAtRisk
from tests.faults.site import Site
from tests.patience import eventually

DUE_NOW = timedelta(days=13)
NEXT_TICK = timedelta(minutes=1)
DONE_WITHIN = timedelta(minutes=5)


@sizes(320, 10_000)
def test_a_campaign_goes_on_whatever_redis_forgets(site: Site, redis: RedisAtRisk, mail: MailServer, size: int):
    mail.delay_s = 0.005
    processes = [site.worker(), site.worker(), site.scheduler()]
    crowd = people.make_crowd(size, name="Crowd", ends_in=DUE_NOW, now=site.now())
    site.move_clock(NEXT_TICK)
    assert eventually(lambda: len(mail.ledger) > 0, within_s=30)
    snapshot = redis.snapshot()
    for part, forget in enumerate([redis.empty, redis.restart, lambda: redis.restart(snapshot)], start=1):
        enough = size * part // 5
        assert eventually(lambda enough=enough: len(mail.ledger) > enough, within_s=60 + size / 20), people.statuses()
        forget()
    took = site.pass_time(lambda: len(mail.ledger) >= size, by=timedelta(seconds=15), at_most=DONE_WITHIN)
    assert took is not None, people.statuses()
    assert mail.recipients == dict.fromkeys(crowd, 1)
    assert all(process.is_running for process in processes)
