"""Webhooks on the wire: signed as Standard Webhooks says, and sent where outgoing requests may go."""

import base64
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from standardwebhooks import Webhook

from portal.adapters.guarded_connections import AddressRefused
from portal.adapters.web import Request, outgoing
from portal.crypto import Secret
from portal.providers.checks import address_fault
from portal.rules.answers import Answer

SECRET_PREFIX = "whsec_"  # noqa: S105 - the standard's mark of a secret, not one
SECRET_BYTES = 32  # the standard wants 24 to 64
DEADLINE = timedelta(seconds=10)
LOOK_UP_S = 3.0


@dataclass(frozen=True, slots=True)
class Message:
    """One attempt: the same id and body at each, and a moment of its own on the receivers' clock."""

    url: str = field(repr=False)  # some receivers take secrets in it
    id: str
    body: str = field(repr=False)
    secrets: tuple[Secret, ...]
    signed_at: datetime


def new_secret() -> Secret:
    """A fresh signing secret in the form receivers paste into their library."""
    return Secret(SECRET_PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode("ascii"))


def send(message: Message, *, private_hosts: frozenset[str]) -> Answer:
    """Post the message, within ten seconds and without following redirects; NoAnswer where none came."""
    signatures = [_signature(message, secret) for secret in message.secrets]
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(message.signed_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    request = Request(message.url, "POST", headers, message.body.encode())
    return outgoing(private_hosts).send(request, deadline=DEADLINE)


def fault_of(url: str, *, private_hosts: frozenset[str]) -> str:
    """Why nothing may be sent to this address, or nothing; a name that nobody knows today may be known tomorrow."""
    fault = address_fault(url, private_hosts=private_hosts)
    if fault:
        return fault
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        outgoing(private_hosts).guard.addresses(parts.hostname or "", port, timeout=LOOK_UP_S)
    except AddressRefused:
        return "leads into a private network"
    except OSError:  # time-outs are among them
        return ""
    return ""


def _signature(message: Message, secret: Secret) -> str:
    return Webhook(secret.reveal()).sign(message.id, message.signed_at, message.body)
