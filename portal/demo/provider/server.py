"""Serves the provider: one gunicorn process with enough threads that hanging requests starve nobody."""

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

# Requests that hang on purpose hold their threads; the other provider in this process must stay quick meanwhile.
THREADS = 256
GRACE_AT_END_S = 2
KEEPALIVE_S = 75  # longer than callers keep idle connections: a request must not meet one that is just being closed


class ProviderServer(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn around the app, on a socket that is bound already."""

    def __init__(self, create_app: Callable[[], Flask], listening: socket.socket, public_url: str) -> None:
        self._create_app = create_app
        self._listening = listening
        self._public_url = public_url
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": f"fd://{self._listening.fileno()}",
            "worker_class": "gthread",
            "workers": 1,  # a second process would count "the next N times" just as well, but hang and queue for itself
            "threads": THREADS,
            "worker_connections": 4 * THREADS,
            "timeout": 0,
            "keepalive": KEEPALIVE_S,
            "graceful_timeout": GRACE_AT_END_S,
            "control_socket_disable": True,  # else a second gunicorn of the same user takes over the first one's
            "loglevel": "warning",
            "proc_name": "demo-provider",
            "when_ready": self._announce,
            "post_fork": _calm_threads,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._create_app()

    def _announce(self, _arbiter: Any) -> None:
        sys.stdout.write(f"Demo provider listening at {self._public_url}\n")
        sys.stdout.flush()


def listen(host: str, port: int) -> socket.socket:
    """Bind first, so that port 0 is a real port before anybody's address depends on it."""
    listening = socket.create_server((host, port), backlog=2048)
    listening.set_inheritable(True)
    return listening


def allow_http(public_url: str) -> None:
    """A demo on another host name than loopback speaks plain http; it guards nothing but sample data."""
    if public_url.startswith("http://"):
        os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


def _calm_threads(_arbiter: Any, _worker: Any) -> None:
    """Busy threads hand the interpreter over less often, which makes many of them several times quicker."""
    sys.setswitchinterval(0.05)
