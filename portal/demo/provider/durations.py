"""Lengths of time as testers type them: `45s`, `30m`, `1h`, `60d`."""

import re

from portal.demo.provider.problems import InvalidInput

_UNITS_S = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_TYPED = re.compile(r"\s*([0-9]{1,10})\s*([smhd]?)\s*", re.ASCII)


def seconds_of(typed: str, what: str) -> int:
    """The seconds a typed length means; a bare number is seconds."""
    match = _TYPED.fullmatch(typed)
    if match is None:
        raise InvalidInput(f"{what}: type a whole number with s, m, h or d behind it, such as 45s or 60d.")
    return int(match[1]) * _UNITS_S[match[2] or "s"]


def typed_of(seconds: int) -> str:
    """The shortest exact way to type a length."""
    for unit, length_s in _UNITS_S.items():
        if seconds and seconds % length_s == 0:
            return f"{seconds // length_s}{unit}"
    return "0s"
