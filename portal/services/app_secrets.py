"""Our apps' client secrets and keys as admins and operators hear of them: by number and fingerprint, never in full."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from portal.adapters import dead_secrets
from portal.db import db, reading
from portal.extensions import catalog, signer
from portal.models import Notice
from portal.providers.apps import PROOFS, proof_setting, variable_name
from portal.services import alerts, provider_use

PURPOSE = "client-secret"
PLACE = "/admin/providers"


@dataclass(frozen=True, slots=True)
class RefusedSecret:
    """One of our app's secrets (1 is the first) that a provider refused, and when that was first noticed."""

    number: int
    since: datetime


def fingerprints(provider_id: str) -> tuple[str, ...]:
    """A name for each secret that changes when the secret does and tells nothing about it; none without an app."""
    app = catalog().app(provider_id)
    proofs = app.proofs if app else ()
    return tuple(signer().sign(PURPOSE, provider_id, proof.reveal()).hex()[:16] for proof in proofs)


def proof_of(provider_id: str) -> str:
    """What our app proves itself with, in words: "client secret" or "client key"."""
    provider = catalog().get(provider_id)
    return PROOFS[proof_setting(provider)] if provider else PROOFS["client_secret"]


def tell_dead(*, now: datetime) -> int:
    """Tell the admins of whoever uses the provider that a secret is refused there; returns how many were told."""
    return sum(
        _tell(provider_id, number, organization_id, now)
        for provider_id, count in dead_secrets.drain().items()
        for number in range(count)
        for organization_id in provider_use.organizations_using(provider_id)
    )


@reading
def refused(provider_id: str) -> tuple[RefusedSecret, ...]:
    """Those of the configured secrets that the provider was seen to refuse while another was taken."""
    keys = [_key(provider_id, fingerprint) for fingerprint in fingerprints(provider_id)]
    told = select(Notice.key, func.min(Notice.raised_at)).where(Notice.key.in_(keys)).group_by(Notice.key)
    since = {row[0]: row[1] for row in db.session.execute(told)} if keys else {}
    return tuple(RefusedSecret(number, since[key]) for number, key in enumerate(keys, start=1) if key in since)


def in_words(provider_id: str) -> tuple[str, ...]:
    """The refused secrets, a clause each."""
    count, proof = len(fingerprints(provider_id)), proof_of(provider_id)
    return tuple(
        f"{proof} {one.number} of {count} was refused on {one.since:%Y-%m-%d}, another one is used"
        for one in refused(provider_id)
    )


def _key(provider_id: str, fingerprint: str) -> str:
    return f"{PURPOSE}-dead:{provider_id}:{fingerprint}"


def _tell(provider_id: str, number: int, organization_id: UUID, now: datetime) -> int:
    provider, known = catalog().get(provider_id), fingerprints(provider_id)
    if provider is None or number >= len(known):
        return 0
    name, proof = variable_name(provider_id, proof_setting(provider)), proof_of(provider_id)
    return alerts.raise_once(
        _key(provider_id, known[number]),
        organization_id,
        title=f"{provider.name} refuses {proof} {number + 1} of {len(known)}",
        sentence=f"{provider.name} takes another {proof} of our app, so everything works as before.",
        what_to_do=f"Have your operator remove the refused {proof} from {name}: asking with it first costs time.",
        place=f"{PLACE}/{provider_id}",
        now=now,
    )
