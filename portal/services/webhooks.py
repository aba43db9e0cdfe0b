"""An organization's webhook endpoints, for its admins: added, changed, paused, resumed, given new secrets, deleted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from portal.adapters import webhooks as wire
from portal.crypto import Sealed, Secret
from portal.db import after_commit, db, reading, transaction
from portal.extensions import config, keyring
from portal.models import WebhookDelivery, WebhookEndpoint
from portal.models.columns import new_id
from portal.models.webhook import DEAD, EndpointState, secret_context
from portal.rules.names import clean_webhook_description
from portal.rules.problems import Conflict, InvalidRequest, NotFound
from portal.rules.webhooks import SECRET_OVERLAP, URL_MAX, PublicType, clean_types
from portal.services import audit, one_time_views, webhook_delivery
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.webhook_switch import host_of

MOST = 20
TOO_MANY = f"There are {MOST} endpoints already. Delete one that is not needed any more first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an endpoint is to be; no types means every type."""

    url: str
    description: str = ""
    types: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint as admins see it; `types` empty means every type, `failing_since` None that all is well."""

    id: UUID
    url: str
    description: str
    types: tuple[PublicType, ...]
    state: EndpointState
    state_since: datetime
    off_reason: str | None
    secret_made_at: datetime
    previous_until: datetime | None
    created_at: datetime
    last_delivered_at: datetime | None
    last_failed_at: datetime | None
    last_failure: str | None
    failing_since: datetime | None
    dead: int

    @property
    def host(self) -> str:
        return host_of(self.url)

    @property
    def name(self) -> str:
        """What it is for, or else where it is."""
        return self.description or self.host


@reading
def all_of(asker: Asker) -> tuple[EndpointView, ...]:
    """The organization's endpoints, oldest first."""
    own = select(WebhookEndpoint).where(WebhookEndpoint.organization_id == asker.organization_id)
    rows = db.session.scalars(own.order_by(WebhookEndpoint.created_at, WebhookEndpoint.id)).all()
    return tuple(_view(row) for row in rows)


@reading
def show(asker: Asker, endpoint_id: UUID) -> EndpointView:
    """One endpoint of the organization; raises NotFound for any other."""
    return _view(_own(asker, endpoint_id))


def create(asker: Asker, wish: Wish, *, now: datetime) -> tuple[EndpointView, Secret]:
    """A new endpoint and its signing secret. It gets what happens from now on.

    Raises InvalidRequest about `url`, `description` or `types`, and Conflict when there are too many already.
    """
    return _add(asker, _clean(wish), now=now)


def create_to_show(asker: Asker, wish: Wish, *, now: datetime) -> EndpointView:
    """As `create`; the secret waits for the asker's browser session, which `one_time_views.take` shows it to."""
    return _add_to_show(asker, _clean(wish), now=now)


def change(asker: Asker, endpoint_id: UUID, wish: Wish, *, now: datetime) -> None:
    """Another address, purpose or choice of types; what waits goes to the new address. Raises as `create`."""
    show(asker, endpoint_id)  # whoever may not see it learns nothing by what is said about an address
    _change(asker, endpoint_id, _clean(wish), now=now)


@transaction
def pause(asker: Asker, endpoint_id: UUID, *, now: datetime) -> None:
    """Send nothing until it is resumed; events wait meanwhile."""
    endpoint = _own(asker, endpoint_id, is_locked=True)
    if endpoint.state is EndpointState.ACTIVE:
        _enter(endpoint, EndpointState.PAUSED, now)
        _tell(asker, EventKind.WEBHOOK_PAUSED, endpoint, now)


@transaction
def resume(asker: Asker, endpoint_id: UUID, *, now: datetime) -> None:
    """Send again, from what waits on; past failures are forgotten."""
    endpoint = _own(asker, endpoint_id, is_locked=True)
    if endpoint.state is not EndpointState.ACTIVE:
        _enter(endpoint, EndpointState.ACTIVE, now)
        _tell(asker, EventKind.WEBHOOK_RESUMED, endpoint, now)
        after_commit(lambda: webhook_delivery.ring_for(endpoint_id))


@transaction
def rotate_secret(asker: Asker, endpoint_id: UUID, *, now: datetime) -> Secret:
    """A new signing secret; the one before it keeps signing beside it for a day, and any older one is forgotten."""
    endpoint, secret = _own(asker, endpoint_id, is_locked=True), wire.new_secret()
    endpoint.previous_secret, endpoint.previous_until = endpoint.secret, now + SECRET_OVERLAP
    endpoint.secret, endpoint.secret_made_at = _sealed(endpoint.id, secret), now
    _tell(asker, EventKind.WEBHOOK_ROTATED, endpoint, now)
    return secret


@transaction
def rotate_to_show(asker: Asker, endpoint_id: UUID, *, now: datetime) -> None:
    """As `rotate_secret`; the secret waits for the asker's browser session."""
    one_time_views.keep(asker, endpoint_id, rotate_secret(asker, endpoint_id, now=now), now=now)


@transaction
def delete(asker: Asker, endpoint_id: UUID, *, now: datetime) -> None:
    """Forget the endpoint, its secrets and everything that was or was to be delivered to it."""
    endpoint = _own(asker, endpoint_id, is_locked=True)
    _tell(asker, EventKind.WEBHOOK_DELETED, endpoint, now)
    db.session.delete(endpoint)


def _clean(wish: Wish) -> Wish:
    """In the form that is stored; looked up outside of any transaction, for that may take seconds."""
    description, types = clean_webhook_description(wish.description), clean_types(wish.types)
    return Wish(url=_clean_url(wish.url), description=description, types=types)


def _clean_url(url: str) -> str:
    address = url.strip()
    if not address or len(address) > URL_MAX or not (address.isascii() and address.isprintable()) or " " in address:
        raise InvalidRequest({"url": "Enter an address, such as https://backend.example.com/webhooks."})
    if fault := wire.fault_of(address, private_hosts=config().allowed_private_hosts):
        raise InvalidRequest({"url": f"Choose another address: this one {fault}."})
    return address


@transaction
def _add_to_show(asker: Asker, wish: Wish, *, now: datetime) -> EndpointView:
    endpoint, secret = _add(asker, wish, now=now)
    one_time_views.keep(asker, endpoint.id, secret, now=now)
    return endpoint


@transaction
def _add(asker: Asker, wish: Wish, *, now: datetime) -> tuple[EndpointView, Secret]:
    own = select(func.count()).where(WebhookEndpoint.organization_id == asker.organization_id)
    if (db.session.scalar(own) or 0) >= MOST:
        raise Conflict(TOO_MANY)
    endpoint_id, secret = new_id(), wire.new_secret()
    endpoint = WebhookEndpoint(
        id=endpoint_id,
        organization_id=asker.organization_id,
        url=wish.url,
        description=wish.description,
        types=" ".join(wish.types),
        state=EndpointState.ACTIVE,
        state_since=now,
        secret=_sealed(endpoint_id, secret),
        secret_made_at=now,
        created_at=now,
    )
    db.session.add(endpoint)
    db.session.flush()
    _tell(asker, EventKind.WEBHOOK_CREATED, endpoint, now)
    return _view(endpoint), secret


@transaction
def _change(asker: Asker, endpoint_id: UUID, wish: Wish, *, now: datetime) -> None:
    endpoint = _own(asker, endpoint_id, is_locked=True)
    endpoint.url, endpoint.description, endpoint.types = wish.url, wish.description, " ".join(wish.types)
    _tell(asker, EventKind.WEBHOOK_CHANGED, endpoint, now)


def _enter(endpoint: WebhookEndpoint, state: EndpointState, now: datetime) -> None:
    endpoint.state, endpoint.state_since, endpoint.off_reason = state, now, None
    endpoint.failing_since, endpoint.failures, endpoint.rest_until = None, 0, None


def _own(asker: Asker, endpoint_id: UUID, *, is_locked: bool = False) -> WebhookEndpoint:
    own = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    own = own.where(WebhookEndpoint.organization_id == asker.organization_id)
    endpoint = db.session.scalar(own.with_for_update() if is_locked else own)
    if endpoint is None:
        raise NotFound
    return endpoint


def _sealed(endpoint_id: UUID, secret: Secret) -> Sealed:
    return keyring().seal(secret, secret_context(endpoint_id))


def _tell(asker: Asker, kind: EventKind, endpoint: WebhookEndpoint, now: datetime) -> None:
    audit.record(asker, kind, now=now, webhook=str(endpoint.id), host=host_of(endpoint.url))


def _view(endpoint: WebhookEndpoint) -> EndpointView:
    dead = select(func.count()).select_from(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id, DEAD)
    return EndpointView(
        id=endpoint.id,
        url=endpoint.url,
        description=endpoint.description,
        types=clean_types(endpoint.types.split()),
        state=endpoint.state,
        state_since=endpoint.state_since,
        off_reason=endpoint.off_reason,
        secret_made_at=endpoint.secret_made_at,
        previous_until=endpoint.previous_until,
        created_at=endpoint.created_at,
        last_delivered_at=endpoint.last_delivered_at,
        last_failed_at=endpoint.last_failed_at,
        last_failure=endpoint.last_failure,
        failing_since=endpoint.failing_since,
        dead=db.session.scalar(dead) or 0,
    )
