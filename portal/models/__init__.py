"""The tables. Importing this package makes all of them known to the metadata."""

from portal.models.api_key import ApiKey, KeyUse
from portal.models.bucket import DayBucket
from portal.models.connection import Connection
from portal.models.consent import ConsentAttempt, PendingGrant
from portal.models.email import Email
from portal.models.event import Event
from portal.models.grant import Grant
from portal.models.heartbeat import Heartbeat
from portal.models.incident import Incident, IncidentRelease, ProviderPace
from portal.models.login_link import LoginLink, SignInRequest
from portal.models.member import BrowserSession, Member
from portal.models.notice import Notice
from portal.models.one_time_view import OneTimeView
from portal.models.organization import Organization
from portal.models.probe import Probe
from portal.models.rejection import Rejection
from portal.models.reminder import Reminder
from portal.models.service_key import ServiceKey
from portal.models.webhook import EventFeed, WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "BrowserSession",
    "Connection",
    "ConsentAttempt",
    "DayBucket",
    "Email",
    "Event",
    "EventFeed",
    "Grant",
    "Heartbeat",
    "Incident",
    "IncidentRelease",
    "KeyUse",
    "LoginLink",
    "Member",
    "Notice",
    "OneTimeView",
    "Organization",
    "PendingGrant",
    "Probe",
    "ProviderPace",
    "Rejection",
    "Reminder",
    "ServiceKey",
    "SignInRequest",
    "WebhookDelivery",
    "WebhookEndpoint",
]
