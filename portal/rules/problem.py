"""What every expected failure carries: a machine's code, a status, and words for the person who meets it."""

import inspect
import re
from collections.abc import Mapping
from typing import ClassVar


class Problem(Exception):
    """Something did not work. Nothing was changed; please try again.

    The first paragraph of a problem's docstring is what people read: its first sentence is the title, the rest advice.
    `detail` says more about this one occurrence, `fields` are further members of its problem+json document.
    """

    code: ClassVar[str] = "problem"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "Something did not work"
    advice: ClassVar[str] = "Nothing was changed; please try again."

    def __init__(self, detail: str = "", *, fields: Mapping[str, object] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields: dict[str, object] = dict(fields or {})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__doc__:  # `python -OO` has none: the parent's words then stand
            cls.title, cls.advice = _spoken(cls.__doc__)

    def __str__(self) -> str:
        return f"{self.title}: {self.detail}" if self.detail else self.title


def _spoken(docstring: str) -> tuple[str, str]:
    paragraph = " ".join(inspect.cleandoc(docstring).partition("\n\n")[0].split())
    title, *advice = re.split(r"(?<=[.!?])\s+", paragraph, maxsplit=1)
    return title.rstrip("."), "".join(advice)
