"""Every periodic job, a line each; the scheduler rings for each once in every stretch of its time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One periodic job: what people call it, how often it is due, and where it stands."""

    name: str
    every: timedelta
    job: str

    def stretch(self, now: datetime) -> int:
        """Which of its stretches of time `now` is in, counted alike by everybody."""
        return int(now.timestamp() // self.every.total_seconds())

    def run(self) -> Any:
        """Do it here and now; returns what it says it did."""
        module, _, function = self.job.rpartition(".")
        return getattr(import_module(module), function)()


def _seconds(name: str, every: int, job: str) -> Entry:
    return Entry(name, timedelta(seconds=every), job)


TIMETABLE = (
    _seconds("sign-in requests", 15, "jobs.sign_in.answer_waiting"),
    _seconds("digests for admins", 60, "jobs.digests.send_due"),
    _seconds("reminders", 15, "jobs.reminders.claim_due"),
    _seconds("batches of e-mails", 15, "jobs.emails.ring_due"),
    _seconds("batches of tokens", 5, "jobs.tokens.ring_due"),
    _seconds("batches of probes", 15, "jobs.probes.ring_due"),
    _seconds("probes nobody planned", 3600, "jobs.probes.plan_missing"),
    _seconds("ends of consents", 60, "jobs.webhooks.announce"),
    _seconds("public events", 5, "jobs.webhooks.publish"),
    _seconds("what refreshing leaves behind", 60, "jobs.tokens.tidy"),
    _seconds("refreshes that fail for a day", 3600, "jobs.tokens.tell_failing"),
    _seconds("decisions nobody made", 60, "jobs.reconsent.forget_expired"),
    _seconds("revocations", 60, "jobs.connections.finish_revocations"),
    _seconds("ends of our apps' secrets", 3600, "jobs.deadlines.tell_due"),
    _seconds("ends that no refresh moves", 86_400, "jobs.deadlines.tell_final_ends"),
    _seconds("ends of keys", 3600, "jobs.service_connections.tell_key_ends"),
    _seconds("what nobody needs any more", 3600, "jobs.housekeeping.forget_old"),
    _seconds("sign of life", 15, "jobs.housekeeping.note_worker"),
)
