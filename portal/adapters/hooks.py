"""The named hooks of the catalog: what a provider wants of a call with a person's token and data cannot say."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from authlib.common.urls import add_params_to_uri

from portal.adapters.web import Request
from portal.crypto import Secret

Hook = Callable[[Request, Secret, Secret], Request]


def hooked(request: Request, names: Iterable[str], *, token: Secret, secret: Secret | None) -> Request:
    """The request as the hooks leave it; without a secret of our app there is nothing they could do."""
    if secret is None:
        return request
    for name in names:
        request = HOOKS[name](request, token, secret)
    return request


def _with_appsecret_proof(request: Request, token: Secret, secret: Secret) -> Request:
    """Proof that a call with the token is our app's, which it may be set to demand (Graph API, "Securing requests")."""
    proof = hmac.new(secret.reveal().encode(), token.reveal().encode(), hashlib.sha256).hexdigest()
    return replace(request, url=add_params_to_uri(request.url, [("appsecret_proof", proof)]))


HOOKS: Mapping[str, Hook] = {"facebook_appsecret_proof": _with_appsecret_proof}
