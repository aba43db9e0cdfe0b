"""Events of the audit log as sentences for people."""

from collections.abc import Mapping
from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "organization:created": "The organization was set up",
        "policy:changed": "The reminder policy was changed",
        "member:added": "{name} was added",
        "member:invited": "{name} was invited",
        "member:changed": "A member's name, role or team was changed",
        "member:deactivated": "A member was deactivated",
        "member:reactivated": "A member was reactivated",
        "members:imported": "{count} members were imported",
        "login_link:used": "A login link was used",
        "session:begun": "Signed in",
        "session:ended": "Signed out",
        "sessions:ended": "Signed out everywhere",
        "connection:invited": "Invited to connect",
        "connection:imported": "Imported with the tokens of a script",
        "connection:connected": "Connected",
        "connection:renamed": "Renamed to “{nickname}”",
        "connection:reconnected": "Reconnected",
        "connection:ending": "The consent ends soon",
        "connection:ended": "The consent has ended",
        "connection:needs_reconsent": "Needs reconsent: {reason}",
        "connection:displaced": "Displaced: another member connected the same login",
        "connection:disconnected": "Disconnected",
        "connections:exported": "The list of connections was exported",
        "connections:imported": "{count} connections were imported",
        "consent:begun": "Went to the provider to consent",
        "consent:denied": "Did not agree at the provider",
        "consent:refused": "The provider's answer was refused: {reason}",
        "grant:pending": "Came back with something different: waiting for a decision",
        "grant:replaced": "The new consent replaced the old one",
        "grant:cancelled": "The new consent was not taken over",
        "grant:forgotten": "No decision was made in time: the new consent was not taken over",
        "grant:rotated": "The provider gave a new refresh token",
        "grant:revoked": "Revoked at the provider",
        "grant:rejected": "An API refused the token, a backend reported: {reason}",
        "grant:reuse_suspected": "The provider ended a token it had just given: somebody else may have used a copy",
        "incident:released": "Members are e-mailed although {provider} refuses many connections at once",
        "incident:healed": "{provider} works again",
        "subject:changed": "It is another login now",
        "scopes:changed": "Other scopes than before",
        "accounts:changed": "Other accounts are shared than before",
        "alert:raised": "The admins were told: {title}",
        "service_key:entered": "A key was entered: {fingerprint}",
        "service_key:replaced": "The key was replaced: {fingerprint}",
        "reminder:requested": "A reminder was asked for",
        "reminder:sent": "A reminder was e-mailed",
        "email:sent": "An e-mail was sent",
        "email:parked": "An e-mail could not be delivered",
        "api_key:created": "The API key “{name}” was created",
        "api_key:replaced": "The API key “{name}” was replaced by a second one of the same name",
        "api_key:revoked": "The API key “{name}” was revoked",
        "webhook:created": "A webhook endpoint at {host} was added",
        "webhook:changed": "The webhook endpoint at {host} was changed",
        "webhook:paused": "The webhook endpoint at {host} was paused",
        "webhook:resumed": "The webhook endpoint at {host} was resumed",
        "webhook:secret_rotated": "The webhook endpoint at {host} got a new secret",
        "webhook:tested": "A test event was sent to {host}",
        "webhook:sent_again": "Webhooks to {host} are sent again: {count}",
        "webhook:switched_off": "The webhook endpoint at {host} was switched off: {reason}",
        "webhook:deleted": "The webhook endpoint at {host} was deleted",
    }
)
ACTORS = MappingProxyType(
    {"portal": "Reconsent", "command": "an operator", "api_key": "a backend", "member": "a member"}
)


def sentence(kind: str, facts: Mapping[str, object]) -> str:
    """What happened, in words; a kind that is unknown here stands for itself."""
    return SENTENCES.get(kind, kind).format_map(_Said(facts))


def actor_words(actor: str, names: Mapping[str, str]) -> str:
    """Who did it: the person's name where `names` knows `member:<id>`, otherwise what kind of somebody it was."""
    return names.get(actor) or ACTORS.get(actor.partition(":")[0], actor)


class _Said(dict[str, object]):
    """Facts for a sentence; what an event did not note is told as something unnamed."""

    def __init__(self, facts: Mapping[str, object]) -> None:
        super().__init__(facts)

    def __missing__(self, _name: str) -> str:
        return "not noted"
