"""Parts of pages that look alike whenever they are given the same: drawn once, and remembered for a while.

For macros that depend on nothing but what they are given: the numbers of an overview, the choices of a filter. A page
that is looked at often is mostly such parts, and drawing them costs more than looking up what it shows.
"""

from collections.abc import Callable, Hashable
from functools import lru_cache

from jinja2.runtime import Macro
from markupsafe import Markup

REMEMBERED = 1_024


def drawing() -> Callable[..., Markup]:
    """`drawn(macro, *given)` for the templates of one app: what the macro makes of these."""

    @lru_cache(maxsize=REMEMBERED)
    def remembered(part: Macro, *given: Hashable) -> Markup:
        return Markup(part(*given))  # noqa: S704 - templates escape what they are given

    def drawn(part: Macro, *given: object) -> Markup:
        """Lists count by what is in them."""
        return remembered(part, *(tuple(one) if isinstance(one, list) else one for one in given))

    return drawn
