"""How much memory a server's processes hold, read from the kernel."""

import os
from collections.abc import Iterator
from pathlib import Path

MEGABYTE = 1024 * 1024


def of_workers(master_pid: int) -> float:
    """What the children of this process hold in memory together, in MB."""
    return sum(_resident(pid) for pid in _children(master_pid)) / MEGABYTE


def _children(parent_pid: int) -> Iterator[int]:
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended since we saw it
        if int(after_name[1]) == parent_pid:
            yield int(status.parent.name)


def _resident(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
