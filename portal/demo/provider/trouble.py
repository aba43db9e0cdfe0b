"""Where arranged failures and delays meet a request: before it is answered, or just after."""

import select
import socket
import time
from typing import cast

from flask import Request, Response

from portal.demo.provider import failures, knobs, ledger, tokens
from portal.demo.provider.failures import ANSWER_LOST, HANG, Failure
from portal.demo.provider.visit import Visit

LONGEST_HANG_S = 120.0
_EVENTS = {"revoke": "revocation"}


def operation_of(request: Request) -> str:
    """What a request is for, in the words failures are arranged with."""
    last = request.path.rsplit("/", 1)[-1]
    if last == "token":
        return "refresh" if request.form.get("grant_type") == "refresh_token" else "issue"
    return "discovery" if last == "openid-configuration" else last


def delay_of(turned: knobs.Knobs, operation: str) -> float:
    """How long, in seconds, the answer to `operation` has to wait."""
    waits = {"refresh": operation == "refresh", "token": operation in ("issue", "refresh"), "everything": True}
    return turned.delay_ms / 1000 if waits[turned.delay_on] else 0.0


def strike(visit: Visit, request: Request) -> Failure | None:
    """Take the failure arranged for this request, if there is one, and write it into the ledger."""
    operation = operation_of(request)
    failure = failures.strike(visit.db, visit.issuer.slug, operation)
    if failure and failure.kind != ANSWER_LOST:
        _note(visit, request, _EVENTS.get(operation, operation), failure)
    return failure


def answer(failure: Failure, request: Request) -> Response:
    """The arranged answer; a hang lasts until the client has had enough, and then there is none."""
    if failure.kind == HANG:
        wait_for_client_to_leave(request)
        sever(request)
    response = Response(failure.text(), status=failure.status, content_type=failure.content_type)
    if failure.retry_after_s is not None:
        response.headers["Retry-After"] = str(failure.retry_after_s)
    return response


def wait(seconds: float) -> None:
    if seconds:
        time.sleep(seconds)


def wait_for_client_to_leave(request: Request) -> None:
    connection = _socket_of(request)
    select.select([connection], [], [], LONGEST_HANG_S)


def sever(request: Request) -> None:
    """Cut the connection: whatever the server still writes, the client gets nothing."""
    _socket_of(request).shutdown(socket.SHUT_RDWR)


def _socket_of(request: Request) -> socket.socket:
    return cast(socket.socket, request.environ["gunicorn.socket"])


def _note(visit: Visit, request: Request, event: str, failure: Failure) -> None:
    token = tokens.find_refresh(visit.db, visit.issuer.slug, request.form.get("refresh_token", ""))
    facts = ledger.Facts(detail=failure.kind)
    if token:
        facts.client_id, facts.sub, facts.family = token.family.client_id, token.family.sub, token.family.id
    ledger.note(visit.db, visit.issuer.slug, event, "failed", facts, at=visit.now)
