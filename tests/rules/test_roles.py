import pytest

from portal.rules.roles import Permission, Role, allows, is_elevated, may_administer, may_view_team

MEMBER, OWNER, ADMIN = Role.MEMBER, Role.TEAM_OWNER, Role.ORG_ADMIN


@pytest.mark.parametrize(
    ("role", "elevated", "team", "administer", "label"),
    [
        (MEMBER, False, False, False, "Member"),
        (OWNER, True, True, False, "Team owner"),
        (ADMIN, True, True, True, "Org admin"),
    ],
)
def test_each_role_has_its_powers(role: Role, elevated: bool, team: bool, administer: bool, label: str) -> None:
    assert (is_elevated(role), may_view_team(role), may_administer(role), role.label) == (
        elevated, team, administer, label,
    )  # fmt: skip


@pytest.mark.parametrize("permission", Permission)
def test_an_org_admin_may_do_everything_in_the_organization(permission: Permission) -> None:
    assert allows(ADMIN, permission)


@pytest.mark.parametrize("permission", Permission)
def test_a_member_may_only_manage_their_own_connections(permission: Permission) -> None:
    assert allows(MEMBER, permission) is (permission is Permission.MANAGE_OWN_CONNECTIONS)


@pytest.mark.parametrize("permission", Permission)
def test_a_team_owner_also_sees_the_team_and_nothing_more(permission: Permission) -> None:
    assert allows(OWNER, permission) is (permission in {Permission.MANAGE_OWN_CONNECTIONS, Permission.VIEW_TEAM})
