"""The list of connections as its pages ask for it: the filters in the query string, and the ways to the next page."""

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import request

from portal.extensions import catalog
from portal.rules.problems import InvalidRequest
from portal.rules.status import Status
from portal.services.listing import Filters

SEARCH_MAX = 200


def filters() -> Filters:
    """The filters asked for; raises InvalidRequest where the status is none of ours, or an export would hold all."""
    return Filters(
        status=_status(request.args.get("status", "")),
        provider_id=request.args.get("provider") or None,
        team=request.args.get("team") or None,
        search=request.args.get("search", "").strip()[:SEARCH_MAX] or None,
    )


def _status(word: str) -> Status | None:
    try:
        return Status(word) if word else None
    except ValueError:
        sentence = f"There is no status “{word[:SEARCH_MAX]}”. Choose one of {', '.join(Status)}."
        raise InvalidRequest({"status": sentence}) from None


def after() -> str | None:
    """The cursor behind which the page begins; None for the first."""
    return request.args.get("after") or None


def query() -> dict[str, str]:
    """The filters of the present query string; what is empty is left out."""
    given = request.args
    return {name: value for name in ("status", "provider", "team", "search") if (value := given.get(name))}


def link(url: str, query: Mapping[str, str]) -> str:
    """The address with these filters."""
    return f"{url}?{urlencode(query)}" if query else url


def paging(url: str, next_cursor: str | None) -> dict[str, str | None]:
    """Where "First page" and "Next page" lead, as the pager's template names them; None where there is no such way."""
    onward = link(url, query() | {"after": next_cursor}) if next_cursor else None
    return {"first_url": link(url, query()) if after() else None, "next_url": onward}


def providers() -> dict[str, object]:
    """The providers that can be filtered by, and what each is called, as the list's templates name them."""
    known = catalog()
    return {
        "provider_options": [(provider.id, provider.name) for provider in known.all if known.app(provider.id)],
        "provider_names": {provider.id: provider.name for provider in known.all},
    }
