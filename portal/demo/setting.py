"""Where everything of a demo listens, and the environment its processes share."""

import fcntl
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
ALLOWED_HOSTS = "PORTAL_ALLOWED_PRIVATE_HOSTS"
ANOTHER = "PORTAL_DATA_DIR=./another make demo"


@dataclass(frozen=True, slots=True)
class Setting:
    """One demo: its folder and its ports."""

    data_dir: Path
    port: int
    provider_port: int
    mail_port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def provider_url(self) -> str:
        return f"http://{HOST}:{self.provider_port}"

    @property
    def clock_file(self) -> Path:
        return self.data_dir / "clock-offset"

    def environ(self, base: Mapping[str, str]) -> dict[str, str]:
        """What the portal's processes are told: `base` without another portal's settings, and this demo's own.

        Providers are kept, so that one's own file or app can be tried here; a production's database and keys never are.
        """
        kept = {name: value for name, value in base.items() if _is_kept(name)}
        allowed = [f"{HOST}:{self.provider_port}", base.get(ALLOWED_HOSTS, "")]
        return kept | {
            "PORTAL_ENV": "demo",
            "PORTAL_DATA_DIR": str(self.data_dir),
            "PORTAL_PUBLIC_URL": self.url,
            "PORTAL_SMTP_URL": f"smtp://{HOST}:{self.mail_port}",
            "PORTAL_MAIL_FROM": "Northwind Connections <connections@northwind-bakery.example>",
            ALLOWED_HOSTS: ",".join(filter(None, allowed)),
            **self._provider("social"),
            **self._provider("video"),
        }

    def _provider(self, slug: str) -> dict[str, str]:
        prefix = f"PORTAL_PROVIDER_DEMO_{slug.upper()}"
        return {
            f"{prefix}_CLIENT_ID": f"reconsent-{slug}",
            f"{prefix}_CLIENT_SECRET": f"demo-secret-of-reconsent-at-{slug}",
            f"{prefix}_BASE_URL": f"{self.provider_url}/{slug}",
        }


def _is_kept(name: str) -> bool:
    if name.startswith("PORTAL_PROVIDER"):
        return not name.startswith("PORTAL_PROVIDER_DEMO_")
    return not name.startswith("PORTAL_")


def read_setting(environ: Mapping[str, str]) -> Setting:
    """The demo asked for by `PORT` and `PORTAL_DATA_DIR`; raises ValueError for what cannot be used."""
    port = _port(environ.get("PORT") or str(DEFAULT_PORT))
    if not _is_free(port):
        raise ValueError(f"Port {port} is in use. Choose another one: PORT={port + 10} make demo")
    data_dir = _usable(Path(environ.get("PORTAL_DATA_DIR") or "instance").absolute())
    provider_port, mail_port = (_near(port + offset) for offset in (1, 2))
    return Setting(data_dir, port, provider_port, mail_port)


def hold(data_dir: Path) -> IO[str]:
    """Keep other demos out of this folder until the file returned is closed, or we end; raises ValueError for a second.

    A second one would tell the providers that the portal has moved to its own address.
    """
    lock = (data_dir / "demo.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise ValueError(f"A demo runs in {data_dir} already. Give this one a folder of its own: {ANOTHER}") from None
    return lock


def _usable(data_dir: Path) -> Path:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ValueError(f"PORTAL_DATA_DIR cannot be made ({error.strerror}): choose another folder.") from error
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise ValueError("PORTAL_DATA_DIR names a folder we may not write in: choose another one.")
    return data_dir


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65_533):
        raise ValueError(f"PORT must be a number from 1 to 65533, not {text!r}.")
    return int(text)


def _near(port: int) -> int:
    """This port if it is free, otherwise any that is."""
    if _is_free(port):
        return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def own_setting(data_dir: Path, environ: Mapping[str, str]) -> Setting:
    """The running demo's setting as its own processes read it from their environment."""
    ports = {name: int(environ.get(f"DEMO_{name}_PORT", "0")) for name in ("WEB", "PROVIDER", "MAIL")}
    return Setting(data_dir, ports["WEB"], ports["PROVIDER"], ports["MAIL"])


def told_ports(setting: Setting) -> dict[str, str]:
    """The ports in the environment, for `own_setting`."""
    return {
        "DEMO_WEB_PORT": str(setting.port),
        "DEMO_PROVIDER_PORT": str(setting.provider_port),
        "DEMO_MAIL_PORT": str(setting.mail_port),
        "PYTHONUNBUFFERED": os.environ.get("PYTHONUNBUFFERED", "1"),
    }
