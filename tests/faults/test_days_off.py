"""Down for days: people get one e-mail that tells the true number of days, and then the series goes on as planned."""

from datetime import timedelta

from tests.faults import people
from tests.faults.mail_server import MailServer
from tests.faults.site import Site

DAY = timedelta(days=1)
JUST_AFTER = timedelta(minutes=1)
PEOPLE = 12


def test_three_days_without_a_scheduler_are_caught_up_in_one_email(site: Site, mail: MailServer):
    worker, scheduler = site.worker(), site.scheduler()
    crowd = people.make_crowd(PEOPLE, name="Crowd", ends_in=14 * DAY, now=site.now())
    site.move_clock(JUST_AFTER)
    mail.wait_for(PEOPLE)
    assert scheduler.end() == 0
    site.move_clock(5 * DAY)  # the steps of day 12 and day 10 pass
    scheduler = site.scheduler()
    mail.wait_for(2 * PEOPLE)
    site.move_clock(DAY - 2 * JUST_AFTER)  # still before day 8
    site.tick_now()
    assert [[*one.steps.values()] for one in mail.of(crowd[0])] == [[14], [10]]
    assert "in 9 days" in mail.of(crowd[0])[1].text
    site.move_clock(2 * JUST_AFTER)
    mail.wait_for(3 * PEOPLE)
    site.tick_now()
    assert [[*one.steps.values()] for one in mail.of(crowd[-1])] == [[14], [10], [8]]
    assert mail.recipients == dict.fromkeys(crowd, 3)
    assert worker.is_running
