"""How every view answers: with a page, or with the way to the next one."""

from collections.abc import Iterator
from typing import Any

from flask import Flask, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue


def page(template: str, **context: object) -> str:
    """The rendered template."""
    return render_template(template, **context)


def streamed(parts: Iterator[str]) -> Iterator[str]:
    """The parts of a long answer, each made when it is sent and in a context of its own.

    Flask's own way keeps one context open from part to part, and fails where nobody reads to the end.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - werkzeug's own name
    return _each_in_context(app, parts)


def _each_in_context(app: Flask, parts: Iterator[str]) -> Iterator[str]:
    while True:
        with app.app_context():
            part = next(parts, None)
        if part is None:
            return
        yield part


def see_other(endpoint: str, *, notice: str | None = None, **values: Any) -> ResponseReturnValue:
    """After a POST: 303 to a view, with an optional notice for the person to read there."""
    if notice:
        flash(notice)
    return redirect(url_for(endpoint, **values), code=303)


def see_other_place(place: str, *, notice: str | None = None) -> ResponseReturnValue:
    """After a POST: 303 to a local path that `rules.redirects.safe_place` has approved."""
    if notice:
        flash(notice)
    return redirect(place, code=303)
