"""The three roles of a person in an organization and what each may do."""

from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """A person's role; `team_owner` and `org_admin` are the elevated ones."""

    MEMBER = "member"
    TEAM_OWNER = "team_owner"
    ORG_ADMIN = "org_admin"

    @property
    def label(self) -> str:
        """The role as people read it."""
        return {"member": "Member", "team_owner": "Team owner", "org_admin": "Org admin"}[self.value]


class Permission(StrEnum):
    """What somebody may be allowed to do inside their own organization."""

    MANAGE_OWN_CONNECTIONS = "manage_own_connections"
    VIEW_TEAM = "view_team"
    VIEW_ORGANIZATION = "view_organization"
    SEND_REMINDERS = "send_reminders"
    EXPORT_CONNECTIONS = "export_connections"
    MANAGE_MEMBERS = "manage_members"
    MANAGE_SETTINGS = "manage_settings"
    MANAGE_API_KEYS = "manage_api_keys"
    VIEW_AUDIT = "view_audit"


_OWN = frozenset({Permission.MANAGE_OWN_CONNECTIONS})
_ALLOWED = MappingProxyType(
    {
        Role.MEMBER: _OWN,
        Role.TEAM_OWNER: _OWN | {Permission.VIEW_TEAM},
        Role.ORG_ADMIN: frozenset(Permission),
    }
)


def allows(role: Role, permission: Permission) -> bool:
    """Whether the role alone grants the permission; what is not listed is denied."""
    return permission in _ALLOWED[role]


def is_elevated(role: Role) -> bool:
    """Elevated roles see more than their own connections, so their links and sessions live shorter."""
    return role is not Role.MEMBER


def may_administer(role: Role) -> bool:
    """Whether the pages below `/admin` are open to the role."""
    return allows(role, Permission.VIEW_ORGANIZATION)


def may_view_team(role: Role) -> bool:
    """Whether the role sees the connections of its own team."""
    return allows(role, Permission.VIEW_TEAM)


def is_demotion(before: Role, after: Role) -> bool:
    """Whether the change takes a permission away."""
    return any(allows(before, one) and not allows(after, one) for one in Permission)
