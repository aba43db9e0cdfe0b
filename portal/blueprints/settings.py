"""The settings pages."""

from flask import Blueprint

blueprint = Blueprint("settings", __name__)
