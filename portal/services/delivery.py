"""Delivery: a batch of e-mails over several kept connections at once, each noted as sent before the next one leaves.

To a real server latency is everything, so a batch is dealt out to threads with a connection each. What must not happen
is that a worker which is killed has many mails accepted and not yet noted: they would all arrive twice. So at most one
mail of a process is between its last byte and its note (`_turn`); only where a server thinks for long do others follow.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from threading import Lock
from time import monotonic
from uuid import uuid4

import structlog
