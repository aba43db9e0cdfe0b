"""Mail servers refuse, hang up and fall silent: nothing is lost, nobody else waits, links live from their sending."""

import random
from dataclasses import dataclass
from datetime import timedelta

from portal.services import sign_in
from tests import links
from tests.faults import people
from tests.faults.conftest import sizes
from tests.faults.mail_server import CUT, SILENCE, TAKEN, MailServer
from tests.faults.site import Site
from tests.faults.visitor import Visitor
from tests.patience import eventually

DUE_NOW = timedelta(days=13)
NEXT_TICK = timedelta(minutes=1)
HALF_AN_HOUR = timedelta(minutes=30)
LATER = "451 4.7.1 try again later"
UNKNOWN = "550 5.1.1 no such person"
SENT_LINK_LIVES = timedelta(hours=82)
FREE_AGAIN_WITHIN_S = 30


@dataclass(frozen=True)
class Size:
    people: int
    trouble_lasts: timedelta


@sizes(Size(100, timedelta(minutes=6)), Size(2_000, HALF_AN_HOUR))
def test_refusals_and_cut_connections_lose_nothing_and_one_bad_address_stops_nobody(
    site: Site, mail: MailServer, size: Size
):
    crowd = people.make_crowd(size.people, name="Crowd", ends_in=DUE_NOW, now=site.now())
    bad = crowd[size.people // 2]

    def trouble(phase: str, recipient: str) -> str:
        return random.choice([LATER, CUT, TAKEN, TAKEN]) if phase in {"rcpt", "data"} else TAKEN

    mail.script = lambda phase, recipient: UNKNOWN if recipient == bad else trouble(phase, recipient)
    site.worker(), site.worker(), site.scheduler()
    assert eventually(lambda: mail.refused[f"data: {CUT}"] and mail.refused[f"rcpt: {LATER}"], within_s=30)
    site.pass_time(lambda: False, by=timedelta(minutes=2), at_most=size.trouble_lasts)
    mail.script = lambda _phase, recipient: UNKNOWN if recipient == bad else TAKEN
    done = {"sent": size.people - 1, "parked": 1}
    took = site.pass_time(lambda: people.statuses() == done, by=timedelta(minutes=4), at_most=2 * HALF_AN_HOUR)
    assert took is not None, people.statuses()
    assert mail.recipients == dict.fromkeys(set(crowd) - {bad}, 1)


def test_an_answer_that_was_lost_brings_the_same_email_again(site: Site, mail: MailServer):
    lost = set()

    def lose_each_once(phase: str, recipient: str) -> str:
        if phase != "taken" or recipient in lost:
            return TAKEN
        lost.add(recipient)
        return CUT

    mail.script = lose_each_once
    site.worker(), site.scheduler()
    crowd = people.make_crowd(6, name="Crowd", ends_in=DUE_NOW, now=site.now())
    assert site.pass_time(lambda: len(mail.ledger) >= 12, by=NEXT_TICK, at_most=HALF_AN_HOUR) is not None
    site.tick_now()
    assert mail.recipients == dict.fromkeys(crowd, 2)
    assert len(mail.duplicates()) == 6
    assert all(len({copy.link for copy in copies}) == 1 for copies in mail.duplicates().values())


def test_a_silent_server_does_not_keep_workers_from_other_work(site: Site, mail: MailServer):
    mail.script = lambda phase, _recipient: SILENCE if phase == "mail" else TAKEN
    worker = site.worker()
    site.scheduler()
    people.make_crowd(40, name="Crowd", ends_in=DUE_NOW, now=site.now())
    site.move_clock(NEXT_TICK)
    assert eventually(lambda: mail.refused[f"mail: {SILENCE}"], within_s=30)
    sign_in.request("nobody@acme.example", None, now=site.now())
    assert eventually(lambda: links.requests()[-1].answered_at, within_s=FREE_AGAIN_WITHIN_S)
    mail.script = lambda _phase, _recipient: TAKEN
    assert worker.end() == 0
    site.worker()  # one that does not remember the silence
    assert site.pass_time(lambda: len(mail.ledger) == 40, by=NEXT_TICK, at_most=HALF_AN_HOUR) is not None


def test_a_links_life_counts_from_its_sending(site: Site, mail: MailServer):
    mail.script = lambda phase, _recipient: LATER if phase == "rcpt" else TAKEN
    worker, web = site.worker(), site.web()
    people.make_crowd(1, name="Crowd", ends_in=DUE_NOW, now=site.now())
    site.tick_now()
    assert mail.refused[f"rcpt: {LATER}"]
    site.move_clock(timedelta(days=1))
    mail.script = lambda _phase, _recipient: TAKEN
    site.tick_now()
    sent_at, link = site.now(), mail.wait_for(1)[0].link
    site.travel_to(sent_at + SENT_LINK_LIVES - NEXT_TICK)
    assert eventually(lambda: Visitor(web.url).get(link).status == 200)
    site.travel_to(sent_at + SENT_LINK_LIVES + NEXT_TICK)
    assert eventually(lambda: Visitor(web.url).get(link).status == 410)
    assert Visitor(web.url).get(link).heading == "This link has expired"
    assert worker.is_running
