"""The grants of a batch, read many at a time shortly before they are refreshed: a look for each would cost more."""

from collections import deque
from collections.abc import Sequence
from threading import Lock
from time import monotonic
from uuid import UUID

from portal.services import token_store
from portal.services.token_store import StoredGrant

READ_AT_ONCE = 100
BELIEVED_FOR_S = 2.0


class ReadAhead:
    """Shared by the threads that work on the batch, in its order.

    What it gives may be a moment old; the lease on the generation seen proves that nothing has changed since.
    """

    def __init__(self, connection_ids: Sequence[UUID], *, believed_for_s: float = BELIEVED_FOR_S) -> None:
        self._believed_for_s = believed_for_s
        self._lock = Lock()
        self._unread = deque(connection_ids)
        self._read: dict[UUID, tuple[float, StoredGrant | None]] = {}

    def grant(self, connection_id: UUID) -> StoredGrant | None:
        """The grant of one of the batch's connections, handed out once; None where there is none."""
        with self._lock:
            while connection_id not in self._read and self._unread:
                self._read_some()
            read_at, grant = self._read.pop(connection_id, (0.0, None))
        is_old = monotonic() - read_at >= self._believed_for_s
        return token_store.read(connection_id) if is_old else grant

    def _read_some(self) -> None:
        some = [self._unread.popleft() for _ in range(min(READ_AT_ONCE, len(self._unread)))]
        found, read_at = token_store.read_several(some), monotonic()
        self._read |= {one: (read_at, found.get(one)) for one in some}
