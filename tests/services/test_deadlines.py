"""The ends of our apps' secrets, and of what providers announce, are told to admins in time and once."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from portal.adapters import dead_secrets
from portal.services import app_secrets, deadlines, doctor
from portal.services.doctor import Health
from tests.factories import NOON, World, make_connection
from tests.key_provider import ec_key, pem, rsa_key
from tests.outbox import outbox

pytestmark = pytest.mark.both_databases

MakeApp = Callable[[Mapping[str, str]], Flask]
ENDS = "PORTAL_PROVIDER_DEMO_SOCIAL_CLIENT_SECRET_ENDS"
SECRET = "PORTAL_PROVIDER_DEMO_SOCIAL_CLIENT_SECRET"
IN_A_YEAR = NOON + timedelta(days=365)


def on(day: datetime) -> str:
    return day.date().isoformat()


@pytest.fixture
def app(make_app: MakeApp, environ: dict[str, str]) -> Flask:
    """A portal whose secret at Demo Social ends in a year."""
    return make_app(environ | {ENDS: on(IN_A_YEAR)})


@pytest.fixture(autouse=True)
def ana_at_demo_social(app: Flask, world: World) -> None:
    with app.app_context():
        make_connection(world.ana)


def titles() -> list[str]:
    return [email.detail["title"] for email in outbox()]


def tell(before_end: int) -> int:
    return deadlines.tell_due(now=IN_A_YEAR - timedelta(days=before_end))


def test_a_year_of_hours_brings_four_e_mails(context: Flask, world: World) -> None:
    for left in range(365, -100, -1):
        tell(left)
    assert [title.partition(":")[0] for title in titles()] == [
        f"Demo Social, in 60 days ({IN_A_YEAR.day} March 2027)",
        f"Demo Social, in 30 days ({IN_A_YEAR.day} March 2027)",
        f"Demo Social, in 7 days ({IN_A_YEAR.day} March 2027)",
        f"Demo Social, today ({IN_A_YEAR.day} March 2027)",
    ]
    assert {email.member_id for email in outbox()} == {world.chloe.id}


def test_steps_missed_while_nothing_ran_are_not_stacked(context: Flask, world: World) -> None:
    assert [tell(left) for left in (5, 5, 4)] == [1, 0, 0]
    assert len(titles()) == 1
    assert "in 5 days" in titles()[0]


def test_nothing_is_told_where_nobody_uses_the_provider(context: Flask, world: World) -> None:
    tell(30)
    assert {email.organization_id for email in outbox()} == {world.acme}


def test_a_new_secret_with_its_day_begins_anew_and_the_old_day_is_forgotten(
    context: Flask, make_app: MakeApp, environ: dict[str, str], world: World
) -> None:
    tell(30)
    later = on(IN_A_YEAR + timedelta(days=730))
    with make_app(environ | {SECRET: "new", ENDS: later}).app_context():
        assert [tell(left) for left in (7, 0)] == [0, 0]
    with make_app(environ | {SECRET: "new", ENDS: on(IN_A_YEAR)}).app_context():
        assert tell(30) == 1  # the same day, but another secret


def test_what_a_file_announces_is_told_as_well(make_app: MakeApp, environ: dict[str, str], world: World) -> None:
    hubspot = {f"PORTAL_PROVIDER_HUBSPOT_CLIENT_{word}": "x" for word in ("ID", "SECRET")}
    with make_app(environ | hubspot).app_context():
        make_connection(world.ana, provider_id="hubspot")
        end = datetime.combine(date(2027, 2, 16), NOON.timetz())
        assert deadlines.tell_due(now=end - timedelta(days=60)) == 1
        assert "v1 OAuth endpoints" in titles()[0]


@pytest.mark.parametrize("wrong", ["soon", "31.03.2027", "2027-02-30", "2027-03-31,2027-04-30", "2027-03-31 12:00"])
def test_a_wrong_day_turns_that_provider_off_alone_and_says_why(
    make_app: MakeApp, environ: dict[str, str], wrong: str
) -> None:
    catalog = make_app(environ | {ENDS: wrong}).extensions["reconsent"].catalog
    assert [provider.id for provider in catalog.offered] == ["demo-video"]
    (problem,) = catalog.problems
    assert (problem.provider_id, ENDS in problem.text) == ("demo-social", True)


def test_each_of_several_secrets_has_its_day_in_their_order(make_app: MakeApp, environ: dict[str, str]) -> None:
    given = {SECRET: "one, two, three", ENDS: ", 2027-03-31"}
    with make_app(environ | given).app_context():
        (deadline,) = deadlines.all_of("demo-social")
        assert (deadline.before, deadline.on) == ("client secret 2 of 3 ends", date(2027, 3, 31))
        assert "two" not in repr(deadline).replace("secret-ends", "")


SIGNING = """
schema = 1
id = "acme"
name = "Acme"

[authorize]
url = "https://id.acme.example/authorize"

[token]
url = "https://id.acme.example/token"
auth = "private_key_jwt"

[identity]
source = "token"
subject = "/user"
"""


def test_the_keys_of_an_app_that_signs_have_their_days_too(
    make_app: MakeApp, environ: dict[str, str], tmp_path: Path, world: World
) -> None:
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "acme.toml").write_text(SIGNING, encoding="utf-8")
    given = {
        "PORTAL_PROVIDERS_DIR": str(folder),
        "PORTAL_PROVIDER_ACME_CLIENT_ID": "acme",
        "PORTAL_PROVIDER_ACME_CLIENT_KEY": pem(rsa_key()).decode() + pem(ec_key()).decode(),
        "PORTAL_PROVIDER_ACME_CLIENT_KEY_ENDS": f",{on(IN_A_YEAR)}",
    }
    with make_app(environ | given).app_context():
        make_connection(world.ana, provider_id="acme")
        assert [one.before for one in deadlines.all_of("acme")] == ["client key 2 of 2 ends"]
        dead_secrets.drain()
        dead_secrets.note("acme", 1)
        assert app_secrets.tell_dead(now=NOON) == 1
        assert titles() == ["Acme refuses client key 1 of 2"]
    catalog = (
        make_app(environ | given | {"PORTAL_PROVIDER_ACME_CLIENT_KEY_ENDS": "a,b"}).extensions["reconsent"].catalog
    )
    assert ["in the order of the client keys" in problem.text for problem in catalog.problems] == [True]


def test_the_doctor_tells_what_ends_soon(make_app: MakeApp, environ: dict[str, str]) -> None:
    with make_app(environ | {ENDS: on(NOON + timedelta(days=20))}).app_context():
        (found,) = (one for one in doctor.examine(machine_now=lambda: NOON) if one.part == "deadlines")
        assert found.health is Health.WARNING
        assert "Demo Social, in 20 days" in found.words


def test_the_doctor_counts_only_providers_that_have_an_app(context: Flask) -> None:
    (found,) = (one for one in doctor.examine(machine_now=lambda: NOON) if one.part == "providers")
    files = list(Path(doctor.__file__).parents[1].joinpath("providers").glob("*.toml"))
    kinds = [re.search('^kind = "(.+)"', file.read_text(), re.MULTILINE) for file in files]
    without_app = [kind for kind in kinds if kind and kind[1] in ("api_key", "custom", "jwt_bearer")]
    assert len(without_app) >= 2
    count = int(found.words.removeprefix("2 of ").removesuffix(" configured"))
    assert len(files) - len(without_app) <= count <= len(files) - 2
