"""What an import is going to write, kept on disk until all of it is known to be right.

A file of connections can be larger than memory should be, and making its rows takes far longer than writing them. So
the rows are made ready before the database is locked, and wait in a file of ours that has no name: whoever finds its
blocks finds tokens only as the database holds them, sealed.
"""

import pickle
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from tempfile import TemporaryFile
from typing import IO

from portal.bulk import ReadyRows
from portal.models.bucket import BucketKey

Batch = tuple[ReadyRows, ...]


class Spool(AbstractContextManager["Spool"]):
    """Batches of ready rows, in their order, and what they add to the buckets; gone when it is closed."""

    def __init__(self) -> None:
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._length = 0
        self.buckets: Counter[BucketKey] = Counter()

    def put(self, batch: Batch, buckets: Iterable[BucketKey]) -> None:
        """Keep one more batch; `buckets` names the one that each of its connections counts in."""
        pickle.dump(batch, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self._length += 1
        self.buckets.update(buckets)

    def __iter__(self) -> Iterator[Batch]:
        self._file.seek(0)
        for _ in range(self._length):
            yield pickle.load(self._file)  # noqa: S301 - written by ourselves, into a file nobody else can open

    def __exit__(self, *_how: object) -> None:
        self._file.close()
