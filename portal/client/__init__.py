"""A small client of Reconsent for backends: fresh tokens on every request, with `requests` or `httpx`.

    import requests
    from portal.client import ReconsentAuth

    auth = ReconsentAuth("https://portal.example.org", key, connection_id)
    requests.get("https://api.linkedin.com/v2/me", auth=auth)

It needs one of the two libraries, and nothing else of the portal.
"""

from portal.client.answers import Connection, Token, Verdict
from portal.client.auth import ReconsentAuth
from portal.client.calls import Client, Refusal
from portal.client.errors import (
    ConnectionUnknown,
    PortalUnavailable,
    ProviderUnavailable,
    ReconsentError,
    ReconsentRequired,
    RequestRefused,
    Unauthorized,
    Unavailable,
)

__all__ = [
    "Client",
    "Connection",
    "ConnectionUnknown",
    "PortalUnavailable",
    "ProviderUnavailable",
    "ReconsentAuth",
    "ReconsentError",
    "ReconsentRequired",
    "Refusal",
    "RequestRefused",
    "Token",
    "Unauthorized",
    "Unavailable",
    "Verdict",
]
