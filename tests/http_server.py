"""An HTTP server on a free port for a test that scripts what it answers."""

from pytest_httpserver import HTTPServer

POLL_S = 0.02  # how often it looks whether it shall end; the library's half a second is felt in every test


class ScriptedServer(HTTPServer):
    """Answers many callers at once, and ends at once."""

    def __init__(self) -> None:
        super().__init__(threaded=True)

    def thread_target(self) -> None:
        assert self.server is not None
        self.server.serve_forever(POLL_S)
