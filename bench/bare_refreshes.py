"""The least that could refresh tokens: a loop over kept connections that asks, reads the answer and forgets it.

`python -m bench.bare_refreshes <port> <how many> <how many at once>`; prints refreshes a second. No database, no
claim, no seal: what a provider's own slowness leaves, on asyncio's streams.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from time import perf_counter
from urllib.parse import urlencode

from bench.calls import END_OF_HEADERS, stated_length
from bench.slow_provider import CLIENT_ID, CLIENT_SECRET


async def _measure(port: int, count: int, width: int) -> float:
    left = iter(range(count))
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(width)]
    began = perf_counter()
    await asyncio.gather(*(_refresh_until_done(*line, left) for line in lines))
    took_s = perf_counter() - began
    for _reader, writer in lines:
        writer.close()
    return count / took_s


async def _refresh_until_done(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: Iterator[int]) -> None:
    for number in left:
        writer.write(_request(f"bare-{os.getpid()}-{number}.1"))
        head = await reader.readuntil(END_OF_HEADERS)
        tokens = json.loads(await reader.readexactly(stated_length(head)))
        if not tokens["access_token"] or not tokens["refresh_token"]:
            raise RuntimeError(f"no tokens in {tokens}")


def _request(refresh_token: str) -> bytes:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    body = urlencode(form | {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}).encode("ascii")
    head = f"POST /token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    return head.encode("ascii") + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body


if __name__ == "__main__":
    print(asyncio.run(_measure(*map(int, sys.argv[1:4]))))
