"""The tables. Importing this package makes all of them known to the metadata."""

from portal.models.api_key import ApiKey
from portal.models.bucket import DayBucket
from portal.models.connection import Connection
from portal.models.consent import ConsentAttempt, PendingGrant
from portal.models.email import Email
from portal.models.event import Event
from portal.models.grant import Grant
from portal.models.heartbeat import Heartbeat
from portal.models.login_link import LoginLink, SignInRequest
from portal.models.member import BrowserSession, Member
from portal.models.organization import Organization
from portal.models.reminder import Reminder

__all__ = [
    "ApiKey",
    "BrowserSession",
    "Connection",
    "ConsentAttempt",
    "DayBucket",
    "Email",
    "Event",
    "Grant",
    "Heartbeat",
    "LoginLink",
    "Member",
    "Organization",
    "PendingGrant",
    "Reminder",
    "SignInRequest",
]
