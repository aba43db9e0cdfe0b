"""Server-to-server connections: made by an admin with a key file, refreshed like all others; no human ever consents.

A key is stored only once a token has been fetched with it. So a wrong file changes nothing, and a replaced key goes on
working until the new one has proved itself. The provider is talked to outside of any transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from uuid import UUID

from portal.adapters import key_files, oauth
from portal.adapters.assertions import ServiceKey as OpenKey
from portal.adapters.key_files import KeyFile
from portal.adapters.oauth import OAuthFailed
from portal.crypto import Secret
from portal.db import db, reading, transaction
from portal.models import Connection, Organization
from portal.models.columns import new_id
from portal.providers.apps import ProviderApp
from portal.providers.checks import KEY_OWNER
from portal.providers.kept import kept_of
from portal.providers.schema import Provider
from portal.providers.words import Kind
from portal.rules import service_keys as rules
from portal.rules.comparison import NOBODY, HolderKind, compare
from portal.rules.names import clean_nickname
from portal.rules.problems import InvalidRequest, ProviderNotConfigured
from portal.rules.service_keys import EndSource, KeyFileRefused
from portal.rules.status import ConnectionState, DateSource
from portal.rules.verdicts import Fault
from portal.rules.zones import moment_of
from portal.services import audit, disconnecting, entries, grants, holders, offers, races, service_keys
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.disconnecting import Disconnected
from portal.services.new_grants import NewGrant

FILE = "key_file"
NO_FILE = "Choose the key file."
TOO_LARGE = f"Choose a file of at most {rules.LARGEST_FILE // 1024} kB: a key is far smaller."
PAST = "Choose a day that is still to come."
CHOOSE_AGAIN = "Nothing was changed. Choose the file once more when you try again."
REFUSED = "{name} does not accept this key with these entries ({reason}). " + CHOOSE_AGAIN
APP_REFUSED = "{name} refuses the request ({reason}). Check the entries, or ask your operator. " + CHOOSE_AGAIN
AWAY = "{name} does not answer as it should right now ({reason}). " + CHOOSE_AGAIN
HELD_HERE = "{holder} holds this login already. Replace the key there, or disconnect it first."
HELD_ABROAD = "This login is connected already, by somebody whom you cannot see here."
ANOTHER = "This key is for {new}, and this connection for {old}. Make a new connection with it instead."
CREDENTIALS = frozenset({Fault.EXPIRED, Fault.REVOKED, Fault.SCOPE_MISSING})


@dataclass(frozen=True, slots=True)
class Upload:
    """What an admin enters: the file as it came, and what the provider's file asks for beside it.

    `ends_on` is the day the key ends, for files that do not say so themselves.
    """

    content: bytes = field(default=b"", repr=False)
    passphrase: str = field(default="", repr=False)
    ends_on: date | None = None
    connector: str | None = None
    entered: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proven:
    """A key that a token was just fetched with; `key` is None where there is none, or the stored one is meant."""

    provider_id: str
    connector: str | None
    vars: Mapping[str, str] | None
    key: KeyFile | None
    new: NewGrant


def create(asker: Asker, provider_id: str, upload: Upload, *, nickname: str = "", now: datetime) -> UUID:
    """Connect with a key; the connection belongs to the admin who made it. Returns its id.

    Raises ProviderNotConfigured, and InvalidRequest with a sentence for each wrong entry: then nothing has changed.
    """
    name = clean_nickname(nickname) if nickname.strip() else ""
    proven = _prove(asker, provider_id, upload, now=now)
    return races.settled(lambda: _accept(asker, None, proven, nickname=name, now=now))


def replace_key(asker: Asker, connection_id: UUID, upload: Upload, *, now: datetime) -> None:
    """Put another key in place of a connection's; the old one works until the new one has fetched a token.

    Raises NotFound, and as `create` does; the new key has to speak for the same login.
    """
    provider_id = service_keys.find(asker, connection_id).provider_id
    proven = _prove(asker, provider_id, upload, now=now)
    races.settled(lambda: _accept(asker, connection_id, proven, nickname="", now=now))


def try_again(asker: Asker, connection_id: UUID, *, now: datetime) -> None:
    """Fetch a token with the stored key once more, after the provider had refused it; raises as `replace_key` does."""
    connection = service_keys.find(asker, connection_id)
    provider, app = offers.offered_to(connection)
    key = service_keys.opened(connection_id)
    if key is None and provider.kind is Kind.JWT_BEARER:
        raise InvalidRequest({FILE: NO_FILE})
    new = _fetched(provider, app, key, now=now)
    proven = Proven(provider.id, connection.connector, connection.vars, None, new)
    races.settled(lambda: _accept(asker, connection_id, proven, nickname="", now=now))


def disconnect(asker: Asker, connection_id: UUID, *, now: datetime) -> Disconnected:
    """End one of the organization's service connections, whoever made it, and forget its key; raises NotFound."""
    owner_id = service_keys.find(asker, connection_id).member_id
    return disconnecting.disconnect(replace(asker, member_id=owner_id), connection_id, now=now)  # told as the asker's


def _prove(asker: Asker, provider_id: str, upload: Upload, *, now: datetime) -> Proven:
    """Read the key and fetch a token with it."""
    if not offers.is_service(provider_id):
        raise ProviderNotConfigured
    connector, entered = _checked(provider_id, upload)
    provider, app = offers.offered(provider_id, connector, entered)
    key = _read(asker, provider, app, upload, now=now) if provider.kind is Kind.JWT_BEARER else None
    if key is not None and key.owner:
        entered = {**(entered or {}), KEY_OWNER: key.owner}
        app = app.having({KEY_OWNER: key.owner})
    opened = OpenKey(key.secret, key.algorithm, key.key_id) if key else None
    return Proven(provider_id, connector, entered, key, _fetched(provider, app, opened, now=now))


def _checked(provider_id: str, upload: Upload) -> tuple[str | None, Mapping[str, str] | None]:
    """The entries; everything that can be told without opening the file is told at once."""
    provider, _ = offers.offered(provider_id)
    errors = {}
    if provider.kind is Kind.JWT_BEARER and not upload.content.strip():
        errors[FILE] = NO_FILE
    if len(upload.content) > rules.LARGEST_FILE:
        errors[FILE] = TOO_LARGE
    try:
        checked = entries.checked(provider_id, upload.connector, upload.entered)
    except InvalidRequest as invalid:
        raise InvalidRequest({**errors, **invalid.errors}) from None
    if errors:
        raise InvalidRequest(errors)
    return checked


def _read(asker: Asker, provider: Provider, app: ProviderApp, upload: Upload, *, now: datetime) -> KeyFile:
    try:
        key = key_files.read(upload.content, Secret(upload.passphrase), provider, app, now=now)
    except KeyFileRefused as refused:
        raise InvalidRequest({refused.field: refused.words}) from None
    if key.ends_at is not None or upload.ends_on is None:
        return key
    ends_at = moment_of(datetime.combine(upload.ends_on, time()), _zone_of(asker))
    if ends_at <= now:
        raise InvalidRequest({"ends_on": PAST})
    return replace(key, ends_at=ends_at, end_source=EndSource.ENTERED)


@reading
def _zone_of(asker: Asker) -> str:
    return db.session.get_one(Organization, asker.organization_id).time_zone


def _fetched(provider: Provider, app: ProviderApp, key: OpenKey | None, *, now: datetime) -> NewGrant:
    """The first token; a refusal becomes a sentence at the file."""
    try:
        shown = oauth.assertion(provider, app, key, now=now) if key else Secret("")
        asked = app.vars.get("scope", "").split() or provider.authorize.scope.default
        answer = oauth.refresh(provider, app, refresh_token=shown, scopes=asked, now=now)
        identity = oauth.identify(provider, app, answer, nonce=None, now=now)
    except OAuthFailed as failed:
        raise InvalidRequest({FILE: _words(provider, failed)}) from failed
    return NewGrant(
        subject=identity.subject,
        label=offers.login_label(identity),
        scopes=frozenset(asked) if answer.scopes is None else answer.scopes,
        accounts=(),
        token_type=answer.token_type,
        access_token=answer.access_token,
        refresh_token=None,
        issued_at=now,
        access_expires_at=answer.expires_at,
        refresh_expires_at=None,
        access_source=DateSource.RESPONSE if answer.is_expiry_stated else DateSource.CATALOG,
        extra=kept_of(provider, answer.extra),
    )


def _words(provider: Provider, failed: OAuthFailed) -> str:
    verdict = failed.verdict
    if verdict.fault in CREDENTIALS:
        return REFUSED.format(name=provider.name, reason=verdict.reason)
    words = APP_REFUSED if verdict.fault is Fault.APP_CONFIG else AWAY
    return words.format(name=provider.name, reason=verdict.reason)


@transaction
def _accept(asker: Asker, connection_id: UUID | None, proven: Proven, *, nickname: str, now: datetime) -> UUID:
    """Write key, token and entries at once."""
    connection = service_keys.locked(asker, connection_id) if connection_id else None
    _refuse_if_held(asker, proven, connection_id)
    standing = grants.standing_of(connection)
    comparison = compare(standing.facts, proven.new.facts, required_scopes=(), holder=NOBODY)
    if connection is not None and not comparison.is_same_subject:
        raise InvalidRequest({FILE: ANOTHER.format(new=proven.new.label, old=connection.subject_label)})
    connection = connection or _added(asker, proven, nickname, now)
    connection.connector, connection.vars = proven.connector, dict(proven.vars) if proven.vars else None
    grants.accept(asker, connection, proven.new, comparison, seen=standing.generation, now=now)
    if proven.key is not None:
        service_keys.put(asker, connection, proven.key, now=now)
        kind = EventKind.SERVICE_KEY_REPLACED if connection_id else EventKind.SERVICE_KEY_ENTERED
        facts = {"fingerprint": proven.key.fingerprint}
        audit.record(asker, kind, now=now, connection_id=connection.id, member_id=connection.member_id, **facts)
    return connection.id


def _refuse_if_held(asker: Asker, proven: Proven, connection_id: UUID | None) -> None:
    """Nobody is displaced by a key: whoever holds the login keeps it."""
    claim = holders.Claim(proven.provider_id, proven.new.subject, connection_id)
    holder = holders.described(asker, holders.look_up(asker, claim, is_locking=True).holder)
    if holder.kind is HolderKind.NOBODY:
        return
    if holder.kind is HolderKind.FOREIGN:
        raise InvalidRequest({FILE: HELD_ABROAD})
    named = f"Your connection “{holder.nickname}”" if holder.kind is HolderKind.OWN else f"{holder.member_name}"
    raise InvalidRequest({FILE: HELD_HERE.format(holder=named)})


def _added(asker: Asker, proven: Proven, nickname: str, now: datetime) -> Connection:
    connection = Connection(
        id=new_id(),
        organization_id=asker.organization_id,
        member_id=asker.own_id,
        provider_id=proven.provider_id,
        nickname=nickname or offers.short_name(proven.new.label),
        state=ConnectionState.INVITED,
        consent_expires_at=None,
        state_since=now,
        created_at=now,
    )
    db.session.add(connection)
    db.session.flush()
    return connection
