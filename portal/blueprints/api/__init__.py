"""The API of the organization's backends, version 1."""

from flask import Blueprint

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

from portal.blueprints.api import connections, events, openapi, rejections, tokens  # noqa: E402, F401 - they add their views to it
