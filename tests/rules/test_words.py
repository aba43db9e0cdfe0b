"""The words that are stored, sent and agreed upon: renaming one breaks a database or somebody's program."""

from enum import StrEnum

import pytest

from portal.rules.comparison import HolderKind
from portal.rules.faults import Fault, FaultAction, Phase
from portal.rules.login_links import LinkPurpose, LinkState
from portal.rules.roles import Permission, Role
from portal.rules.status import DateSource, HumanClock

PERMISSIONS = (
    "manage_own_connections view_team view_organization send_reminders export_connections manage_members "
    "manage_settings manage_api_keys view_audit"
)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Role, "member team_owner org_admin"),
        (Permission, PERMISSIONS),
        (LinkPurpose, "sign_in invitation reminder"),
        (LinkState, "live expired superseded used"),
        (HumanClock, "refresh_absolute access_without_refresh consent policy"),
        (DateSource, "response introspection catalog admin"),
        (HolderKind, "nobody own colleague foreign"),
        (Phase, "token api userinfo introspect jwt"),
        (Fault, "expired revoked transient rate-limited scope-missing app-config not-auth ok"),
        (FaultAction, "refresh reconsent retry backoff add_scope fix_app diff_accounts none"),
    ],
)
def test_the_words_stay_as_they_are(kind: type[StrEnum], words: str) -> None:
    assert " ".join(kind) == words
