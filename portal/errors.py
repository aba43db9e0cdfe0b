"""Expected failures become pages or problem+json here, and nowhere else."""

import json
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus

import structlog
from flask import Flask, Response, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_login import AnonymousUserMixin
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from portal import clock
from portal.extensions import limiter
from portal.rules.moments import whole_seconds
from portal.rules.problems import Problem, ProviderUnavailable, RateLimited, SignInRequired
from portal.security import API_PREFIX
from portal.services import storage

NEXT_STEPS = {
    400: "Go back, check what you entered and try again.",
    403: "If you think you should be able to do this, ask your organization's admin.",
    404: "Check the address, or start from your connections.",
    405: "Go back and use the page's own buttons.",
    413: "Choose a smaller file and try again.",
    429: "Wait a little, then try again.",
    500: "Nothing was lost. Try again in a moment; if it keeps happening, tell your organization's admin.",
    503: "Nothing was lost. Try again in a moment.",
}
log = structlog.get_logger(__name__)


def register(app: Flask) -> None:
    """Answer every failure of this app."""
    app.register_error_handler(Problem, answer_problem)
    app.register_error_handler(CSRFError, _answer_csrf)
    app.register_error_handler(RateLimitExceeded, _answer_limit)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_fault)


def answer_problem(problem: Problem) -> ResponseReturnValue:
    """A named outcome as its page, or as problem+json for backends."""
    if isinstance(problem, SignInRequired) and not _is_api():
        return redirect(url_for("sign_in.start", next=_here()), code=303 if request.method == "POST" else 302)
    answer = _answer(problem.status, problem.code, problem.title, problem.detail, problem.advice, problem.fields)
    if isinstance(problem, RateLimited | ProviderUnavailable):
        answer.headers["Retry-After"] = str(whole_seconds(problem.retry_after))
    if isinstance(problem, SignInRequired):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="Reconsent"'  # RFC 9110 section 15.5.2 wants it with a 401
    return answer


def _answer_csrf(_error: CSRFError) -> ResponseReturnValue:
    sentence = "This page was open for too long, or the form was not ours. Nothing was changed."
    return _answer(400, "csrf", "Please send the form again", sentence, NEXT_STEPS[400], {})


def _answer_limit(_error: RateLimitExceeded) -> ResponseReturnValue:
    limit = limiter.current_limit
    ends_in = timedelta(seconds=limit.reset_at - clock.machine_now().timestamp()) if limit else timedelta(0)
    return answer_problem(RateLimited(ends_in))


def _answer_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:
        return error.get_response()
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Problem"
    title, sentence = PAGES.get(status, (phrase, "The request could not be answered."))
    code = phrase.lower().replace(" ", "_")
    answer = _answer(status, code, title, sentence, NEXT_STEPS.get(status, NEXT_STEPS[400]), {})
    for name, value in error.get_headers():
        if name.lower() in {"allow", "retry-after"}:
            answer.headers[name] = value
    return answer


PAGES = {
    400: ("The request was not understood", "Something in it was missing or malformed. Nothing was changed."),
    404: ("Page not found", "There is nothing at this address, or it is not yours to see."),
    405: ("This cannot be done that way", "The address exists but does not answer to this method."),
    413: ("That was too large", "The file or form is larger than we accept. Nothing was changed."),
    415: ("What was sent is not JSON", "Send JSON, and say so: `Content-Type: application/json`. Nothing was changed."),
    429: ("Too many requests", "We are asked too often from your network at the moment."),
}


def _answer_fault(error: Exception) -> ResponseReturnValue:
    log.error("request failed", endpoint=request.endpoint, exc_info=error)
    g._login_user = AnonymousUserMixin()  # noqa: SLF001 - the page must not ask a database that may be what has failed
    if storage.is_away(error):
        sentence = "A part of the portal is out of reach. Nothing was lost."
        answer = _answer(503, "unavailable", "We cannot do this right now", sentence, "Try again in a moment.", {})
        answer.headers["Retry-After"] = str(whole_seconds(storage.BACK_SOON))
        return answer
    title = "Something went wrong on our side"
    return _answer(500, "internal_error", title, "The fault has been noted.", NEXT_STEPS[500], {})


def _answer(  # the parts of one answer, in the order they are read
    status: int, code: str, title: str, sentence: str, what_next: str, fields: Mapping[str, object]
) -> Response:
    if _is_api():
        body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": sentence or what_next}
        return Response(json.dumps(body | dict(fields), default=str), status, mimetype="application/problem+json")
    words = {"status": status, "title": title, "sentence": sentence, "what_next": what_next}
    return Response(render_template("problems/problem.html", **words, way_out=_way_out()), status)


def _way_out() -> tuple[str, str] | None:
    """Where to go on from a page about a connection: to the list, whose buttons begin anew."""
    is_about_connection = request.blueprint in {"consent", "my_connections"}
    return ("Go to my connections", url_for("my_connections.index")) if is_about_connection else None


def _is_api() -> bool:
    return request.path.startswith(API_PREFIX)


def _here() -> str:
    """Where to come back to: this page, or the one on which this form stood, which is at its address or above it."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    addresses, path = current_app.create_url_adapter(request), request.path
    while path and not (addresses and addresses.test(path, "GET")):
        path = path.rpartition("/")[0]
    return path or "/connections"
