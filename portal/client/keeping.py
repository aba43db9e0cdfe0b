"""A token kept until shortly before its end, and fetched once however many threads want it at the same moment."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import cast

from portal.client.answers import Token
from portal.client.errors import ReconsentRequired
from portal.single_flight import SingleFlight

KEPT_AT_MOST_S = 3600.0  # of tokens that live for months: within the hour the portal decides anew


class TokenKeeper:
    """Whoever comes while a fetch is under way waits for it and gets the same token, or the same failure."""

    def __init__(
        self, fetch: Callable[[], Token], *, min_ttl: timedelta, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._min_ttl = min_ttl
        self._clock = clock
        self._lock = threading.Lock()
        self._flights: SingleFlight[Token | None] = SingleFlight()
        self._kept: tuple[Token, float] | None = None
        self._dead: tuple[int, ReconsentRequired] | None = None

    def token(self) -> Token:
        """A token that is good for `min_ttl` yet."""
        kept = self.kept()
        return kept or cast(Token, self._flights.share("fetch", lambda: self.kept() or self._fetched(self._fetch)))

    def kept(self) -> Token | None:
        """The token at hand, if it is still good enough."""
        kept = self._kept
        return kept[0] if kept is not None and self._clock() < kept[1] else None

    def instead_of(self, refused: Token, report: Callable[[], Token | None]) -> Token | None:
        """A newer token than the one a provider has refused: what `report` brings, unless there is one already."""
        key = ("report", refused.generation)
        return self._newer(refused) or self._flights.share(
            key, lambda: self._newer(refused) or self._reported(refused, report)
        )

    def _newer(self, refused: Token) -> Token | None:
        kept = self.kept()
        return kept if kept is not None and kept.generation > refused.generation else None

    def _fetched(self, get: Callable[[], Token | None]) -> Token | None:
        began = self._clock()
        token = get()
        if token is not None:
            self._check_alive(token)
            self._keep(token, began + self._good_for(token))
        return token

    def _reported(self, refused: Token, report: Callable[[], Token | None]) -> Token | None:
        try:
            return self._fetched(report)
        except ReconsentRequired as required:
            self._kept, self._dead = None, (refused.generation, required)
            raise

    def _check_alive(self, token: Token) -> None:
        """What the provider and the portal have both given up is not tried again, though its time is not over."""
        if self._dead is not None and token.generation <= self._dead[0]:
            raise self._dead[1]

    def _keep(self, token: Token, until: float) -> None:
        """A slow answer must not bring back what a quicker one has replaced meanwhile."""
        with self._lock:
            if self._kept is None or token.generation >= self._kept[0].generation:
                self._kept = (token, until)

    def _good_for(self, token: Token) -> float:
        """In seconds: to `min_ttl` before its end, but half its life where that is short, so that it is of any use."""
        if token.lives is None:
            return KEPT_AT_MOST_S
        return min(max(token.lives - self._min_ttl, token.lives / 2).total_seconds(), KEPT_AT_MOST_S)
