"""Read by gunicorn where it starts in this folder; elsewhere: `gunicorn -c python:portal.web_server wsgi:app`."""

from portal.web_server import *  # noqa: F403 - gunicorn reads the names of this module
