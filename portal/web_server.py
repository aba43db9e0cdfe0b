"""Settings of gunicorn, the web server: `gunicorn -c python:portal.web_server wsgi:app`."""

import os
import sys
from typing import Any

from portal.config import THREADS


def _threads(text: str) -> int:
    """As many as asked for; what is no number must not end us here, before every problem is named."""
    return int(text) if text.isascii() and text.isdecimal() else THREADS


worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = _threads(os.environ.get("PORTAL_THREADS", ""))
control_socket_disable = True
graceful_timeout = 30
keepalive = 75  # longer than proxies keep idle connections: a request must not meet one that is just being closed
max_requests = 0
logger_class = "portal.server_log.MaskedServerLog"


def on_starting(_server: Any) -> None:
    """Check the configuration before anything listens."""
    from portal.config import load_config
    from portal.rules.problems import ConfigurationInvalid

    try:
        load_config(os.environ)
    except ConfigurationInvalid as invalid:
        sys.stderr.write("".join(f"{problem}\n" for problem in invalid.problems))
        sys.exit(1)


def post_fork(_server: Any, _worker: Any) -> None:
    """Fewer forced thread switches: at the default, more than a few threads make Python slower."""
    sys.setswitchinterval(0.05)
