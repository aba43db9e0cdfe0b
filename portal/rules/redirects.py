"""Where a person may be led after signing in: only to a place inside the portal."""

import re
from urllib.parse import unquote

from portal.rules.roles import Role, may_administer

HOME = "/"  # leads on to each role's own first page
LENGTH_MAX = 500  # as long as the columns that keep places are wide
_DECODINGS_MOST = 4

_RAW = re.compile(r"/[!#-;=?-\[\]^_a-z|~]*")  # printable ASCII without blanks, ", <, >, \, ` and braces
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def home_of(role: Role) -> str:
    """Where somebody begins who was not on the way to anything."""
    return "/admin/connections" if may_administer(role) else "/connections"


def safe_place(target: str | None, default: str) -> str:
    """The target when it is an absolute path of this portal, otherwise the default.

    Refused are other schemes and hosts (`https:`, `//host`, `/\\host`), control characters, dot segments and empty
    segments (whoever tidies `/a/..//host` would leave), each also in percent-encoding however often repeated.
    """
    return target if target is not None and _is_local(target) else default


def _is_local(target: str) -> bool:
    if len(target) > LENGTH_MAX or not _RAW.fullmatch(target):
        return False
    path, *query = re.split(r"[?#]", target, maxsplit=1)
    return _is_plain_path(_decoded(path)) and not _CONTROL.search(_decoded("".join(query)))


def _decoded(text: str) -> str:
    for _ in range(_DECODINGS_MOST):
        if (decoded := unquote(text)) == text:
            return text
        text = decoded
    return "\x00"  # still changing: nobody encodes that often who means well


def _is_plain_path(path: str) -> bool:
    if "\\" in path or _CONTROL.search(path):
        return False
    first, *segments = path.split("/")
    *inner, last = segments
    return not first and all(segment not in {"", ".", ".."} for segment in inner) and last not in {".", ".."}
