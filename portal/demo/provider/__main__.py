"""`python -m portal.demo.provider`: run the stand-in provider until it is told to stop."""

import argparse
import sys
from pathlib import Path

from portal.demo.provider.app import create_provider
from portal.demo.provider.problems import InvalidInput
from portal.demo.provider.server import ProviderServer, allow_http, listen
from portal.demo.provider.settings import CLIENTS_VARIABLE, Settings, clients_from


def main() -> None:
    """Read the command line, bind, serve."""
    options = _parser().parse_args()
    try:
        options.data_dir.mkdir(parents=True, exist_ok=True)
        listening = listen(options.host, options.port)
        port = listening.getsockname()[1]
        settings = _settings(options, public_url=options.public_url or f"http://{options.host}:{port}")
    except (InvalidInput, OSError, OverflowError) as error:
        sys.exit(f"demo provider: {error}")
    allow_http(settings.public_url)
    ProviderServer(lambda: create_provider(settings), listening, settings.public_url).run()


def _settings(options: argparse.Namespace, public_url: str) -> Settings:
    return Settings(
        data_dir=options.data_dir,
        public_url=public_url,
        portal_url=options.portal_url,
        clients=clients_from(options.clients),
        clock_file=options.clock_file,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m portal.demo.provider",
        description="Two stand-in OpenID providers in one process: /social (rotating refresh tokens), /video (static).",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    add("--port", type=int, default=0, help="port to listen at; 0 takes a free one (default)")
    add("--data-dir", type=Path, required=True, help="folder for provider.sqlite, made if need be")
    add("--public-url", help="what browsers and the portal call it (default: http://HOST:PORT)")
    add("--portal-url", default="http://127.0.0.1:8000", help="the portal whose two clients are known by default")
    add("--clients", type=Path, help=f"JSON file with the clients; or the same JSON in {CLIENTS_VARIABLE}")
    add("--clock-file", type=Path, help="the file with the demo clock's offset that the portal's processes follow")
    return parser


main()
