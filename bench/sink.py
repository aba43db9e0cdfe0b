"""A mail server that takes everything, in a process of its own and quick enough not to be the limit.

`python -m bench.sink <listening socket's number> <seconds each answer waits>`. To the command `XCOUNT` it answers
with the mails it has taken and how many different Message-IDs they had.
"""

import asyncio
import re
import socket
import sys
from dataclasses import dataclass, field

END_OF_MAIL = b"\r\n.\r\n"
MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
ANSWERS = {
    b"EHLO": b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


@dataclass
class Ledger:
    """What has been taken."""

    mails: int = 0
    message_ids: set[bytes] = field(default_factory=set)

    def note(self, mail: bytes) -> None:
        self.mails += 1
        found = MESSAGE_ID.search(mail)
        if found:
            self.message_ids.add(found[1])


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, ledger: Ledger, delay_s: float) -> None:
        self._ledger, self._delay_s = ledger, delay_s
        self._received = b""
        self._is_mail = False
        self._transport: asyncio.BaseTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._say(b"220 sink.example\r\n")

    def data_received(self, data: bytes) -> None:
        self._received += data
        while self._take_mail() if self._is_mail else self._take_command():
            pass

    def _take_mail(self) -> bool:
        mail, ended, rest = self._received.partition(END_OF_MAIL)
        if ended:
            self._ledger.note(mail)
            self._received, self._is_mail = rest, False
            self._say(b"250 taken\r\n")
        return bool(ended)

    def _take_command(self) -> bool:
        line, ended, rest = self._received.partition(b"\r\n")
        if ended:
            self._received = rest
            word = line[:4].upper()
            self._is_mail = word == b"DATA"
            self._say(self._count() if word == b"XCOU" else ANSWERS.get(word, b"250 fine\r\n"))
        return bool(ended)

    def _count(self) -> bytes:
        return f"250 {self._ledger.mails} {len(self._ledger.message_ids)}\r\n".encode()

    def _say(self, answer: bytes) -> None:
        if self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        assert isinstance(self._transport, asyncio.Transport)
        if not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(listener: socket.socket, delay_s: float) -> None:
    ledger = Ledger()
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(ledger, delay_s), sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])))
