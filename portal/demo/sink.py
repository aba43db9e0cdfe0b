"""`python -m portal.demo.sink --port N --folder DIR`: a mail server that takes every mail and delivers none."""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from portal.adapters import mailbox

LARGEST_MAIL = 10 * 1024 * 1024


class Sink:
    """aiosmtpd's handler: every accepted mail becomes a file in the mailbox folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        mailbox.drop(self._folder, envelope.content)
        return "250 Kept for the demo's mailbox"


async def serve(host: str, port: int, folder: Path) -> None:
    """Listen until told to stop."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wish, stopping.set)
    server = await loop.create_server(
        lambda: SMTP(Sink(folder), data_size_limit=LARGEST_MAIL, hostname="demo.example", loop=loop), host, port
    )
    async with server:
        await stopping.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m portal.demo.sink", description="The demo's mail server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port, options.folder))


if __name__ == "__main__":
    main()
