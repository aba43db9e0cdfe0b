"""Taking settings out of the environment: values, files that hold them, and a list of what is wrong with them."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

FILE_MAX_BYTES = 64 * 1024


class Variables:
    """The environment as it was given; `problems` name a variable each and repeat nothing of its value.

    `asked` are the names that mean something to us.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.asked: set[str] = set()
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """The variable's value, or what the file named by `<name>_FILE` holds."""
        self.asked.add(name)
        path = self.environ.get(f"{name}_FILE", "").strip()
        if not path:
            return self.environ.get(name, "").strip() or default
        if self.environ.get(name):
            self.wrong(f"{name} and {name}_FILE are both set: keep one of them")
        return self._content(f"{name}_FILE", Path(path))

    def number(self, name: str, *, default: int, least: int = 0, most: int) -> int:
        """A whole number within its bounds."""
        text = self.text(name, str(default))
        if text.isascii() and text.isdecimal() and least <= int(text[:9]) <= most:
            return int(text)
        self.wrong(f"{name} must be a whole number from {least} to {most}")
        return default

    def strange(self, prefix: str, *, apart_from: tuple[str, ...]) -> tuple[str, ...]:
        """What begins like ours and nobody has asked for, most likely mistyped; with the nearest name that counts."""
        given = {name.removesuffix("_FILE") for name in self.environ if name.startswith(prefix)}
        strange = sorted(name for name in given - self.asked if not name.startswith(apart_from))
        return tuple(self._with_nearest(name, prefix) for name in strange)

    def _with_nearest(self, name: str, prefix: str) -> str:
        ours = sorted(known for known in self.asked if known.startswith(prefix))
        nearest = get_close_matches(name, ours, n=1, cutoff=0.8)
        return f"{name} (did you mean {nearest[0]}?)" if nearest else name

    def wrong(self, problem: str) -> None:
        """Note a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    def _content(self, name: str, path: Path) -> str:
        if path.exists() and not path.is_file():
            self.wrong(f"{name} names something that is not a file")
            return ""
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(FILE_MAX_BYTES).strip()
        except (OSError, ValueError) as error:
            self.wrong(f"{name} names a file that cannot be read ({type(error).__name__})")
            return ""
        if not text:
            self.wrong(f"{name} names an empty file")
        return text
