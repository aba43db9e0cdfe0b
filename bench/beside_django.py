"""The dashboard beside the changelist of Django's admin over the same rows: what a good general tool would take."""

from collections.abc import Iterator

from bench import django_admin
from bench.dashboard import Compared, deep_page, figures_of, first_page
from bench.figures import Figure, at_least
from bench.site import Site
from bench.timing import in_turns, milliseconds

REPEATS = 7  # it takes seconds for some of its pages

BOUNDS: tuple[Compared, ...] = (
    ("first page in Django's admin", "first page", at_least(20)),
    ("deep page in Django's admin", "deep page", at_least(100)),
)


def measure(site: Site) -> Iterator[Figure]:
    with django_admin.changelist(site.large.portal.url) as page:
        runs = {
            "first page": first_page(site.large),
            "deep page": deep_page(site),
            "first page in Django's admin": milliseconds(page(1)),
            "deep page in Django's admin": milliseconds(page(site.size.deep_page)),
        }
        medians = in_turns(runs, repeats=min(REPEATS, site.size.repeats))
    yield from figures_of(site, medians, BOUNDS)
