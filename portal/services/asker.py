"""Who asks: every service that answers somebody is told, and looks only at that somebody's organization."""

from dataclasses import dataclass
from uuid import UUID

from portal.rules.problems import Forbidden
from portal.rules.roles import Role


@dataclass(frozen=True, slots=True)
class Asker:
    """A member in a session, a backend with its key, a command, or the portal itself."""

    organization_id: UUID
    actor: str  # as the audit log names it
    member_id: UUID | None = None
    role: Role | None = None
    session_id: UUID | None = None
    key_id: UUID | None = None
    providers: frozenset[str] | None = None  # the only ones an API key is for; None: all

    @classmethod
    def member(cls, organization_id: UUID, member_id: UUID, role: Role, session_id: UUID | None = None) -> "Asker":
        return cls(organization_id, f"member:{member_id}", member_id, role, session_id)

    @classmethod
    def api_key(cls, organization_id: UUID, key_id: UUID, providers: frozenset[str] | None = None) -> "Asker":
        return cls(organization_id, f"api_key:{key_id}", key_id=key_id, providers=providers)

    @classmethod
    def portal(cls, organization_id: UUID) -> "Asker":
        return cls(organization_id, "portal")

    @classmethod
    def command(cls, organization_id: UUID) -> "Asker":
        return cls(organization_id, "command")

    def reaches(self, provider_id: str) -> bool:
        """Whether connections at this provider are there for the asker at all."""
        return self.providers is None or provider_id in self.providers

    @property
    def own_id(self) -> UUID:
        """The member who asks; Forbidden when no person does."""
        if self.member_id is None:
            raise Forbidden
        return self.member_id
