"""The dashboard's first page, a deep page and a search, beside their limit and beside Django's admin."""

from collections.abc import Iterator, Mapping

from bench import bare_dashboard, django_admin
from bench.figures import Bound, Figure, Median, at_least, at_most
from bench.pages import admin_cookie, asking_for
from bench.rows import RARE
from bench.site import Filled, Site
from bench.timing import Measured, in_turns, milliseconds
from portal import clock
from portal.services import listing
from portal.services.asker import Asker
from portal.services.listing import Filters

PATH = "/admin/connections"
SLOW_REPEATS = 7

Compared = tuple[str, str, Bound]

BOUNDS: tuple[Compared, ...] = (
    ("first page", "first page of the small organization", at_most(1.3)),
    ("first page", "its limit", at_most(2.5)),
    ("deep page", "first page", at_most(1.3)),
    ("search", "limit of the search", at_most(3)),
)
BOUNDS_OF_DJANGO: tuple[Compared, ...] = (
    ("first page in Django's admin", "first page", at_least(20)),
    ("deep page in Django's admin", "deep page", at_least(100)),
)


def measure(site: Site) -> Iterator[Figure]:
    ours = _ours(site)
    yield from _figures(site, in_turns(ours | _limits(site), repeats=site.size.repeats), BOUNDS)
    with django_admin.changelist(site.large.portal.url) as page:
        theirs = {
            "first page in Django's admin": milliseconds(page(1)),
            "deep page in Django's admin": milliseconds(page(site.size.deep_page)),
        }
        both = {name: ours[name] for name in ("first page", "deep page")} | theirs
        yield from _figures(site, in_turns(both, repeats=min(SLOW_REPEATS, site.size.repeats)), BOUNDS_OF_DJANGO)


def _ours(site: Site) -> dict[str, Measured]:
    return {
        "first page": _page(site.large, {}),
        "first page of the small organization": _page(site.small, {}),
        "deep page": _page(site.large, {"after": _cursor(site.large, site.size.deep_page)}),
        "search": _page(site.large, {"search": RARE}),
    }


def _limits(site: Site) -> dict[str, Measured]:
    bare = bare_dashboard.create_app(site.large.portal.url, site.large.rows)
    return {
        "its limit": milliseconds(asking_for(bare, "/", {})),
        "limit of the search": milliseconds(asking_for(bare, "/", {"search": RARE})),
    }


def _page(filled: Filled, query: Mapping[str, str]) -> Measured:
    return milliseconds(asking_for(filled.portal.app, PATH, query, cookie=admin_cookie(filled)))


def _cursor(filled: Filled, page: int) -> str:
    """What leads to this page, found by turning the pages before it, a few at a time."""
    cursor, ahead = None, (page - 1) * listing.PAGE_SIZE
    with filled.portal.app.app_context():
        asker, now = Asker.portal(filled.rows.organization_id), clock.now()
        while ahead:
            step = min(ahead, listing.LARGEST_PAGE)
            cursor = listing.ending_first(asker, Filters(), cursor, now=now, limit=step).next_cursor
            ahead -= step
    if cursor is None:
        raise RuntimeError(f"there is no page {page}")
    return cursor


def _figures(site: Site, medians: Mapping[str, float], bounds: tuple[Compared, ...]) -> Iterator[Figure]:
    for subject, reference, bound in bounds:
        measured, compared = (Median(name, medians[name], "ms") for name in (subject, reference))
        yield Figure("dashboard", site.kind, measured, compared, bound)
