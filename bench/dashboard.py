"""The dashboard's first page, a deep page and a search, beside their limit and beside a small organization's."""

from collections.abc import Iterator, Mapping, Sequence

from bench import bare_dashboard
from bench.drivers import Driver
from bench.figures import Bound, Figure, Median, at_most
from bench.pages import admin_cookie, asking_for
from bench.rows import RARE
from bench.site import Filled, Site
from bench.timing import Measured, in_turns, milliseconds
from portal import clock
from portal.services import listing
from portal.services.asker import Asker
from portal.services.listing import Filters

PATH = "/admin/connections"

Compared = tuple[str, str, Bound]

BOUNDS: tuple[Compared, ...] = (
    ("first page", "first page of the small organization", at_most(1.3)),
    ("first page", "its limit", at_most(2.5)),
    ("deep page", "first page", at_most(1.3)),
    ("search", "limit of the search", at_most(3)),
)


def measure(site: Site) -> Iterator[Figure]:
    """The whole page as the web server would get it, signed in, with counts and picture."""
    with Driver(site.large.portal.url) as driver:
        runs = {
            "first page": first_page(site.large),
            "first page of the small organization": first_page(site.small),
            "deep page": deep_page(site),
            "search": _page(site.large, {"search": RARE}),
            **_limits(driver, site.large),
        }
        medians = in_turns(runs, repeats=site.size.repeats, warm_up=3)
    yield from figures_of(site, medians, BOUNDS)


def figures_of(site: Site, medians: Mapping[str, float], bounds: Sequence[Compared]) -> Iterator[Figure]:
    """What was measured, as it is compared."""
    for subject, reference, bound in bounds:
        measured, compared = (Median(name, medians[name], "ms") for name in (subject, reference))
        yield Figure("dashboard", site.kind, measured, compared, bound)


def first_page(filled: Filled) -> Measured:
    return _page(filled, {})


def deep_page(site: Site) -> Measured:
    """Page 5,000 of the million."""
    return _page(site.large, {"after": _cursor(site.large, site.size.deep_page)})


def _limits(driver: Driver, filled: Filled) -> dict[str, Measured]:
    bare = bare_dashboard.create_app(driver, filled.rows)
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
