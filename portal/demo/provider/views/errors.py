"""What people and machines are told when something is not right."""

from flask import Flask, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from portal.demo.provider.problems import InvalidInput, UnknownThing


def register(app: Flask) -> None:
    """Answer every refusal as a page, or below `/control/api` as `application/problem+json`."""
    app.register_error_handler(InvalidInput, lambda error: _answer(422, "Not usable", str(error)))
    app.register_error_handler(UnknownThing, lambda error: _answer(404, "Not found", str(error)))
    app.register_error_handler(HTTPException, lambda error: _answer(error.code, error.name, error.description))


def _answer(status: int, title: str, detail: str) -> ResponseReturnValue:
    if request.path.startswith("/control/api/"):
        response = jsonify({"title": title, "status": status, "detail": detail})
        response.content_type = "application/problem+json"
        return response, status
    return render_template("error.html", title=title, detail=detail), status
