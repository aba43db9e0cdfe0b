"""A scripted SMTP server with a ledger: what it took charge of is the truth about every e-mail."""

import asyncio
import logging
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

from tests.patience import eventually

HOST = "127.0.0.1"
CUT, SILENCE = "cut", "silence"
TAKEN = "250 taken"

CHATTY = "mail.log"  # aiosmtpd tells every command at INFO
LINK = re.compile(r"http://\S+/login/\S+")
Script = Callable[[str, str], str]


@dataclass(frozen=True)
class Taken:
    """One e-mail the server took charge of."""

    recipient: str
    message: EmailMessage

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def kind(self) -> str:
        return str(self.message["X-Reconsent-Kind"])

    @property
    def steps(self) -> dict[str, int]:
        """The steps it is about, by connection."""
        stated = str(self.message.get("X-Reconsent-Steps", ""))
        pairs = (one.strip().split("=") for one in re.sub(r"\s+", " ", stated).split(",") if one.strip())
        return {connection_id: int(step) for connection_id, step in pairs}

    @property
    def text(self) -> str:
        return str(self.message.get_body(preferencelist=("plain",)).get_content())

    @property
    def link(self) -> str | None:
        found = LINK.search(self.text)
        return found[0] if found else None


@dataclass
class MailServer:
    """Takes mails as its script says: `script(phase, recipient)` answers at `mail`, `rcpt`, `data` and `taken`.

    At `taken` the mail is in the ledger already: a cut there loses the answer, not the mail. An answer at `data` may
    name the mail's `{recipient}` and `{link}`. `offered` holds also what was refused then.
    """

    port: int = 0
    script: Script = lambda _phase, _recipient: TAKEN
    delay_s: float = 0.0
    ledger: list[Taken] = field(default_factory=list)
    offered: list[Taken] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self.port}"

    def of(self, recipient: str, kind: str | None = None) -> list[Taken]:
        """What was taken for somebody, oldest first."""
        return [one for one in list(self.ledger) if one.recipient == recipient and kind in {None, one.kind}]

    def wait_for(self, count: int, *, kind: str | None = None, within_s: float = 30.0) -> list[Taken]:
        """The first `count` mails (of a kind) as soon as they are there."""

        def taken() -> list[Taken]:
            return [one for one in list(self.ledger) if kind in {None, one.kind}]

        assert eventually(lambda: len(taken()) >= count, within_s=within_s), f"{len(taken())} of {count} mails came"
        return taken()

    @property
    def recipients(self) -> Counter[str]:
        """How many mails everybody got."""
        return Counter(one.recipient for one in list(self.ledger))

    def duplicates(self) -> Mapping[str, list[Taken]]:
        """The mails that came more than once, by Message-ID."""
        by_id: defaultdict[str, list[Taken]] = defaultdict(list)
        for one in list(self.ledger):
            by_id[one.message_id].append(one)
        return {message_id: copies for message_id, copies in by_id.items() if len(copies) > 1}

    async def handle_MAIL(self, server: Any, _session: Any, envelope: Any, address: str, _: Any) -> str:  # noqa: N802 - aiosmtpd's name
        answer = await self._answer(server, "mail", "")
        if answer == TAKEN:
            envelope.mail_from = address
        return answer

    async def handle_RCPT(self, server: Any, _session: Any, envelope: Any, address: str, _: Any) -> str:  # noqa: N802 - aiosmtpd's name
        answer = await self._answer(server, "rcpt", address)
        if answer == TAKEN:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        recipient = envelope.rcpt_tos[0]
        mail = Taken(recipient, message_from_bytes(envelope.content, policy=policy.default))
        self.offered.append(mail)
        answer = await self._answer(server, "data", recipient)
        if answer != TAKEN:
            return answer.format(recipient=recipient, link=mail.link)
        await asyncio.sleep(self.delay_s)
        self.ledger.append(mail)
        return await self._answer(server, "taken", recipient)

    async def _answer(self, server: Any, phase: str, recipient: str) -> str:
        answer = self.script(phase, recipient)
        if answer != TAKEN:
            self.refused[f"{phase}: {answer}"] += 1
        if answer == SILENCE:
            await asyncio.sleep(3600)
        if answer == CUT:
            server.transport.abort()
        return "421 cut" if answer == CUT else answer


@contextmanager
def running() -> Iterator[MailServer]:
    """A mail server on a free port, in a thread of this process."""
    logging.getLogger(CHATTY).setLevel(logging.ERROR)
    server = MailServer()
    with _Listening(server):
        yield server


class _Listening:
    """The thread, and the event loop in it."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> None:
        self._thread.start()
        assert self._is_ready.wait(10)

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        listening = await self._loop.create_server(self._conversation, HOST, 0)
        async with listening:
            self._server.port = listening.sockets[0].getsockname()[1]
            self._is_ready.set()
            await self._end.wait()

    def _conversation(self) -> SMTP:
        return SMTP(self._server, hostname="sink.example", loop=self._loop, enable_SMTPUTF8=True)
