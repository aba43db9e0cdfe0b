"""How every view answers: with a page, or with the way to the next one."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue


def page(template: str, **context: object) -> str:
    """The rendered template."""
    return render_template(template, **context)


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
