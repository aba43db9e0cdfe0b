"""Gunicorn's log, masked like ours: login links and providers' answers are addresses, and access logs list those."""

import logging
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from portal.logs import Masking

MASKING = Masking()


class MaskedServerLog(Logger):  # type: ignore[misc]
    """What Gunicorn itself writes, to whatever place it is told to."""

    def setup(self, cfg: Any) -> None:
        """Put the mask before every handler Gunicorn has set up."""
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(_Masked(handler.formatter))

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> dict[str, Any]:
        """The parts of a line of the access log; headers are masked by their names."""
        return dict(MASKING(None, "", super().atoms(resp, req, environ, request_time)))


class _Masked(logging.Formatter):
    """Another formatter's line without its secrets."""

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        return MASKING.text(self._inner.format(record))
