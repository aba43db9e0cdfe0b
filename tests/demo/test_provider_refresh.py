"""Refreshing at the provider: static and rotating tokens, grace, reuse, ends that no refresh moves, revocation."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests

from tests.demo_provider import Client, DemoProvider

DAY = 86_400


def is_dead(response: requests.Response) -> bool:
    return response.status_code == 400 and response.json()["error"] == "invalid_grant"


def test_a_rotating_refresh_hands_out_a_new_token_each_time(social: Client) -> None:
    first = social.connect("social-personal")["refresh_token"]
    second = social.refresh(first).json()["refresh_token"]
    third = social.refresh(second).json()["refresh_token"]
    assert len({first, second, third}) == 3


def test_a_static_refresh_token_stays_and_is_not_sent_again(video: Client) -> None:
    token = video.connect("video-personal")["refresh_token"]
    for _ in range(3):
        answer = video.refresh(token).json()
        assert "refresh_token" not in answer
        assert answer["refresh_token_expires_in"] <= 90 * DAY


def test_the_previous_token_is_forgiven_within_the_grace(social: Client, provider: DemoProvider) -> None:
    first = social.connect("social-personal")["refresh_token"]
    social.refresh(first)  # its answer was lost
    again = social.refresh(first)
    assert again.status_code == 200
    assert social.refresh(again.json()["refresh_token"]).status_code == 200
    assert provider.counts(event="refresh") == {"refresh:grace": 1, "refresh:ok": 2}
    assert provider.ledger(event="reuse") == []


def test_the_previous_token_after_the_grace_ends_the_whole_family(social: Client, provider: DemoProvider) -> None:
    first = social.connect("social-personal")["refresh_token"]
    newest = social.refresh(first).json()
    provider.move_clock(timedelta(seconds=31))
    assert is_dead(social.refresh(first))
    assert is_dead(social.refresh(newest["refresh_token"]))
    assert social.get("userinfo", newest["access_token"]).status_code == 401
    assert [line["outcome"] for line in provider.ledger(event="reuse")] == ["family-ended"]


def test_the_grace_is_over_once_the_successor_was_used(social: Client) -> None:
    first = social.connect("social-personal")["refresh_token"]
    second = social.refresh(first).json()["refresh_token"]
    assert social.refresh(second).status_code == 200
    assert is_dead(social.refresh(first))


def test_a_sibling_from_the_grace_ages_too(social: Client, provider: DemoProvider) -> None:
    """Two careless processes refresh at once and keep the answer that came last: an hour later it is dead."""
    first = social.connect("social-personal")["refresh_token"]
    kept_by_mistake = social.refresh(first).json()["refresh_token"]
    social.refresh(first)
    provider.move_clock(timedelta(seconds=31))
    assert is_dead(social.refresh(kept_by_mistake))


def test_without_grace_the_second_use_is_reuse(social: Client, provider: DemoProvider) -> None:
    provider.control("social/knobs", grace_s=0)
    first = social.connect("social-personal")["refresh_token"]
    social.refresh(first)
    assert is_dead(social.refresh(first))


def test_of_many_at_once_without_grace_exactly_one_refreshes(social: Client, provider: DemoProvider) -> None:
    provider.control("social/knobs", grace_s=0)
    token = social.connect("social-personal")["refresh_token"]
    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(lambda _: social.refresh(token).status_code, range(20)))
    assert statuses.count(200) == 1
    assert len(provider.ledger(event="reuse")) == 1


def test_one_familys_reuse_leaves_the_others_alone(social: Client, provider: DemoProvider) -> None:
    provider.control("social/knobs", grace_s=0)
    first, other = (social.connect("social-personal")["refresh_token"] for _ in range(2))
    social.refresh(first)
    assert is_dead(social.refresh(first))
    assert social.refresh(other).status_code == 200


@pytest.mark.parametrize(("slug", "days"), [("social", 60), ("video", 90)])
def test_no_refresh_moves_the_consents_end(provider: DemoProvider, slug: str, days: int) -> None:
    client = Client(provider, slug)
    token = client.connect(f"{slug}-personal")["refresh_token"]
    provider.move_clock(timedelta(days=days - 1))
    answer = client.refresh(token).json()
    assert DAY - 60 <= answer["refresh_token_expires_in"] <= DAY
    provider.move_clock(timedelta(days=1))
    assert is_dead(client.refresh(answer.get("refresh_token", token)))
    assert provider.ledger(event="refresh", outcome="refused")[0]["detail"] == "consent-expired"


def test_an_access_token_never_outlives_the_consent(video: Client, provider: DemoProvider) -> None:
    provider.control("video/knobs", consent_lifetime_s=600)
    assert video.connect("video-personal")["expires_in"] == 600


def test_an_access_token_ends_when_it_said(social: Client, provider: DemoProvider) -> None:
    token = social.connect("social-personal")["access_token"]
    provider.move_clock(timedelta(minutes=59))
    assert social.get("userinfo", token).status_code == 200
    provider.move_clock(timedelta(minutes=2))
    refused = social.get("userinfo", token)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")


def test_a_code_lives_five_minutes(social: Client, provider: DemoProvider) -> None:
    code = social.consent("social-personal").parameters["code"]
    provider.move_clock(timedelta(minutes=5, seconds=1))
    assert is_dead(social.exchange(code))


def test_lifetimes_follow_the_knobs(social: Client, provider: DemoProvider) -> None:
    provider.control("social/knobs", access_lifetime_s=120, consent_lifetime_s=10 * DAY)
    answer = social.connect("social-personal")
    assert (answer["expires_in"], answer["refresh_token_expires_in"]) == (120, 10 * DAY)


def test_fewer_scopes_may_be_asked_for_at_a_refresh_but_no_others(social: Client) -> None:
    token = social.connect("social-personal", scope="openid email")["refresh_token"]
    narrower = social.refresh(token, scope="openid").json()
    assert narrower["scope"] == "openid"
    wider = social.refresh(narrower["refresh_token"], scope="openid pages.read")
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
def test_revoking_either_token_ends_the_family(social: Client, provider: DemoProvider, which: str) -> None:
    tokens = social.connect("social-personal")
    assert social.revoke(tokens[which]).status_code == 200
    assert is_dead(social.refresh(tokens["refresh_token"]))
    assert social.get("accounts", tokens["access_token"]).status_code == 401
    assert provider.counts(event="revocation") == {"revocation:ok": 1}


def test_revoking_an_unknown_token_is_no_error(social: Client, provider: DemoProvider) -> None:
    assert social.revoke("never-seen").status_code == 200
    assert provider.counts(event="revocation") == {"revocation:unknown-token": 1}


def test_only_the_client_itself_revokes(social: Client, provider: DemoProvider) -> None:
    tokens = social.connect("social-personal")
    assert Client(provider, secret="guessed").revoke(tokens["refresh_token"]).status_code == 401
    assert social.refresh(tokens["refresh_token"]).status_code == 200


def test_the_person_can_revoke_at_the_provider(social: Client, provider: DemoProvider) -> None:
    mine, others = social.connect("social-personal"), social.connect("social-agency")
    assert provider.control("social/revoke", sub="social-personal")["ended"] >= 1
    assert is_dead(social.refresh(mine["refresh_token"]))
    assert social.refresh(others["refresh_token"]).status_code == 200


def test_a_new_consent_may_end_the_old_one(social: Client, provider: DemoProvider) -> None:
    provider.control("social/knobs", new_consent_ends_old=True)
    old = social.connect("social-personal")["refresh_token"]
    new = social.connect("social-personal")["refresh_token"]
    assert is_dead(social.refresh(old))
    assert social.refresh(new).status_code == 200


def test_a_refresh_may_end_the_old_access_token(social: Client, provider: DemoProvider) -> None:
    provider.control("social/knobs", old_access_ends=True)
    tokens = social.connect("social-personal")
    renewed = social.refresh(tokens["refresh_token"]).json()
    assert social.get("userinfo", tokens["access_token"]).status_code == 401
    assert social.get("userinfo", renewed["access_token"]).status_code == 200


def test_rotation_can_be_switched(video: Client, provider: DemoProvider) -> None:
    provider.control("video/knobs", rotation="rotating")
    token = video.connect("video-personal")["refresh_token"]
    assert video.refresh(token).json()["refresh_token"] != token
