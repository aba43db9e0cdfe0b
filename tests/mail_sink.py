"""A real SMTP server for tests: it keeps what it was given and answers as a test has scripted it."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

CUT = "cut"
SILENCE = "silence"
ACCEPT = "250 OK"

Script = Callable[[str], str]


@dataclass
class Sink:
    """What arrived, and how to answer: `replies` to DATA in turn, then `on_rcpt(address)` and `on_data(address)`."""

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    at_a_time: int = 1_000  # any more connections are turned away
    credentials: list[tuple[str, str]] = field(default_factory=list)
    replies: deque[str] = field(default_factory=deque)
    is_pipelining: bool = False  # whether it says that it takes several commands at once
    on_rcpt: Script = lambda _address: ACCEPT
    on_data: Script = lambda _address: ACCEPT

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def to(self, address: str) -> list[EmailMessage]:
        """What arrived for one address, in order."""
        return [mail for mail, to in zip(self.taken, self.recipients, strict=True) if to == address]

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]] if self.is_pipelining else responses

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        reply = await self._answered(server, self.on_rcpt(address))
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        address = envelope.rcpt_tos[0]
        reply = self.replies.popleft() if self.replies else self.on_data(address)
        if reply.startswith("250"):
            self.taken.append(message_from_bytes(bytes(envelope.original_content or b""), policy=policy.default))
            self.recipients.append(address)
        return await self._answered(server, reply)

    @staticmethod
    async def _answered(server: SMTP, reply: str) -> str:
        if reply == SILENCE:
            await asyncio.sleep(3600)
        if reply == CUT and server.transport:
            server.transport.abort()
        return reply


class _Talk(SMTP):
    """One connection, or a goodbye where there are too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        sink: Sink = self.event_handler
        self._counts = sink.open < sink.at_a_time
        sink.open += self._counts
        if self._counts:
            super().connection_made(transport)
        elif isinstance(transport, asyncio.Transport):
            transport.write(b"421 4.7.0 too many connections from your host\r\n")
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._counts:
            self.event_handler.open -= 1
            super().connection_lost(error)


@contextmanager
def running_sink(*, tls: ssl.SSLContext | None = None, password: str | None = None) -> Iterator[Sink]:
    """A sink on a port of its own; with `tls` it insists on STARTTLS, with `password` it can be signed in to."""
    sink, loop, talks = Sink(), asyncio.new_event_loop(), list[SMTP]()

    def protocol() -> SMTP:
        sink.connections += 1
        talks.append(_Talk(sink, loop=loop, enable_SMTPUTF8=True, **_doors(sink, tls, password)))
        return talks[-1]

    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0))
    sink.port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield sink
    finally:
        loop.call_soon_threadsafe(_end, loop, server, talks)
        thread.join()
        loop.close()


def _doors(sink: Sink, tls: ssl.SSLContext | None, password: str | None) -> dict[str, Any]:
    doors: dict[str, Any] = {}
    if tls:
        doors |= {"tls_context": tls, "require_starttls": True}
    if password:

        def checked(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
            sink.credentials.append((data.login.decode(), data.password.decode()))
            return AuthResult(success=data.password.decode() == password)

        doors |= {"authenticator": checked, "auth_require_tls": False}
    return doors


def _end(loop: asyncio.AbstractEventLoop, server: asyncio.Server, talks: list[SMTP]) -> None:
    server.close()
    for talk in talks:
        if talk.transport is not None:
            talk.transport.abort()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.call_later(0.01, loop.stop)  # once the cancelled tasks have seen it
