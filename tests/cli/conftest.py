"""Running a command as a shell would: its exit code, what it prints, and the portal it works on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portal import clock
from portal.cli import main


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Outcome]


@pytest.fixture
def run(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Run]:
    """Run `portal <arguments>` in the test's environment, from a folder that has nothing to do with it."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, **more: str) -> Outcome:
        for name, value in (environ | more).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main.main(list(arguments), prog_name="portal")
        printed = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), printed.out, printed.err)

    yield command
    clock.follow(None)
