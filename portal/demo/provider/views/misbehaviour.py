"""Puts arranged delays and failures in front of and behind a blueprint's views."""

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue

from portal.demo.provider import trouble
from portal.demo.provider.desk import visiting
from portal.demo.provider.failures import ANSWER_LOST


def may_misbehave(blueprint: Blueprint) -> None:
    """Let the provider's views of this blueprint be slow, fail and lose answers on demand."""
    blueprint.before_request(_meet_trouble)
    blueprint.after_request(_lose_answer)


def _meet_trouble() -> ResponseReturnValue | None:
    """Delay and fail first; neither may hold the store's lock while it waits."""
    with visiting(str((request.view_args or {})["slug"])) as visit:
        failure = trouble.strike(visit, request)
        delay_s = trouble.delay_of(visit.knobs, trouble.operation_of(request))
    trouble.wait(delay_s)
    g.loses_answer = failure is not None and failure.kind == ANSWER_LOST
    return trouble.answer(failure, request) if failure and not g.loses_answer else None


def _lose_answer(response: Response) -> Response:
    """Everything has happened and is committed; only the client never hears of it."""
    if g.get("loses_answer"):
        trouble.sever(request)
    return response
