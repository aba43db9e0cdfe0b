"""Alive, ready, measured."""

from flask import Blueprint

blueprint = Blueprint("health", __name__)
