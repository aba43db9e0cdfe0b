"""What a provider's file wants kept of its answers, and what of it fills in the file's own variables."""

import re
from collections.abc import Mapping
from typing import Any

from portal.providers.checks import variables_of_connection
from portal.providers.schema import Provider


def kept_of(provider: Provider, extra: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an answer, by JSON pointer, that is kept with the grant: `token.map.extra`, `identity.secondary`."""
    wanted = (*_places(provider), *provider.identity.secondary)
    return {pointer: extra[pointer] for pointer in wanted if pointer in extra}


def names_kept(provider: Provider) -> frozenset[str]:
    """The variables that answers fill in, so that nobody has to be asked for them."""
    return frozenset(_name(pointer) for pointer in _places(provider))


def variables_kept(provider: Provider, kept: Mapping[str, Any]) -> dict[str, str]:
    """The connection's variables that what was kept fills in: `/team/id` is `{team_id}`.

    Only those that `[vars]` leaves to connections, and only values that match their pattern: they become part of
    addresses, and an answer must not be able to name any host it likes.
    """
    named = {_name(pointer): str(value) for pointer, value in kept.items()}
    filled = names_kept(provider)
    own = {name: provider.vars[name].pattern for name in variables_of_connection(provider) if name in filled}
    return {name: value for name, value in named.items() if name in own and re.fullmatch(own[name], value)}


def _places(provider: Provider) -> tuple[str, ...]:
    return (*provider.token.map.extra, *(provider.refresh.map.extra if provider.refresh.map else ()))


def _name(pointer: str) -> str:
    return pointer.strip("/").replace("/", "_")
