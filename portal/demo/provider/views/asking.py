"""The authorization request behind every consent page: checked on each step, refused as RFC 6749 says."""

from collections.abc import Callable
from functools import wraps

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from portal.demo.provider import ledger
from portal.demo.provider.callbacks import finished
from portal.demo.provider.codes import Approval
from portal.demo.provider.protocol import server
from portal.demo.provider.visit import Visit

StepView = Callable[[Visit, AuthorizationCodeGrant], ResponseReturnValue]


def asked(view: StepView) -> Callable[[Visit], ResponseReturnValue]:
    """Hand the checked request to a view inside a visit, and answer what is wrong with it."""

    @wraps(view)
    def inside(visit: Visit) -> ResponseReturnValue:
        try:
            return view(visit, server.get_consent_grant())
        except OAuth2Error as error:
            return _refused(visit, error)

    return inside


def complete(visit: Visit, grant: AuthorizationCodeGrant, approval: Approval | None) -> Response:
    """Send the person back to the client with a code, or with `access_denied`."""
    response: Response = server.create_authorization_response(grant.request, grant_user=approval, grant=grant)
    if approval:
        visit.facts.sub = approval.login.sub
    _note(visit, "approved" if approval else "denied")
    return _back_to_client(visit, response)


def _refused(visit: Visit, error: OAuth2Error) -> ResponseReturnValue:
    """Back to the client where its address is known to be good; otherwise the person is told here."""
    visit.facts.detail = error.error
    _note(visit, "refused")
    if not error.redirect_uri:
        reason = error.get_error_description() or error.error
        return render_template("refused.html", issuer=visit.issuer, error=error.error, reason=reason), 400
    error.state = request.args.get("state")
    return _back_to_client(visit, server.handle_error_response(None, error))


def _back_to_client(visit: Visit, response: Response) -> Response:
    response.headers["Location"] = finished(response.headers["Location"], visit.issuer_url, visit.knobs.callback)
    return response


def _note(visit: Visit, outcome: str) -> None:
    ledger.note(visit.db, visit.issuer.slug, "authorize", outcome, visit.facts, at=visit.now)
