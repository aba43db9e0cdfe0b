"""The provider's ID tokens: honest ones verify, and each lie of the knob is a lie in exactly that place."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
import requests
from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import KeySet

from tests.demo_provider import Client, DemoProvider


def key_set(client: Client) -> KeySet:
    return KeySet.import_key_set(requests.get(f"{client.issuer}/jwks", timeout=20).json())


def verified(client: Client, id_token: str) -> dict[str, Any]:
    return dict(jwt.decode(id_token, key_set(client), algorithms=["RS256"]).claims)


def unverified(id_token: str, part: int = 1) -> dict[str, Any]:
    raw = id_token.split(".")[part]
    return dict(json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))))


def lied(client: Client, kind: str) -> str:
    client.provider.control(f"{client.slug}/knobs", id_token=kind)
    return str(client.connect(f"{client.slug}-business")["id_token"])


@pytest.mark.parametrize("slug", ["social", "video"])
def test_an_honest_id_token_verifies_and_says_who_signed_in(provider: DemoProvider, slug: str) -> None:
    client = Client(provider, slug)
    answer = client.connect(f"{slug}-personal")
    claims, now = verified(client, answer["id_token"]), provider.now().timestamp()
    assert claims["iss"] == client.issuer
    assert claims["aud"] == client.client_id
    assert claims["sub"] == f"{slug}-personal"
    assert claims["nonce"] == client.nonce
    assert claims["at_hash"] == create_half_hash(answer["access_token"], "RS256").decode()
    assert claims["email"] == "robin.ahlgren@example.com"
    assert now - 20 <= claims["iat"] <= now
    assert claims["exp"] == claims["iat"] + 3600


def test_claims_follow_the_granted_scopes(social: Client) -> None:
    claims = verified(social, social.connect("social-personal", scopes=[])["id_token"])
    assert "email" not in claims
    assert claims["name"] == "Robin Ahlgren"


def test_a_refreshed_id_token_is_the_same_person_without_a_nonce(social: Client) -> None:
    refreshed = social.refresh(social.connect("social-personal")["refresh_token"]).json()
    claims = verified(social, refreshed["id_token"])
    assert claims["sub"] == "social-personal"
    assert "nonce" not in claims


def test_times_in_id_tokens_follow_the_demos_clock(social: Client, provider: DemoProvider) -> None:
    before = provider.now()
    provider.move_clock(timedelta(days=14))
    claims = verified(social, social.connect("social-personal")["id_token"])
    assert claims["iat"] >= (before + timedelta(days=14)).timestamp() - 1


@pytest.mark.parametrize(
    ("kind", "claim", "lie"),
    [
        ("wrong_iss", "iss", lambda client: client.issuer + "-other"),
        ("wrong_aud", "aud", lambda client: "somebody-else"),
        ("foreign_aud_own_azp", "azp", lambda client: client.client_id),
        ("foreign_azp", "aud", lambda client: [client.client_id, "somebody-else"]),
        ("foreign_azp", "azp", lambda client: "somebody-else"),
        ("wrong_nonce", "nonce", lambda client: "not-the-nonce-you-sent"),
        ("without_nonce", "nonce", lambda client: None),
        ("without_exp", "exp", lambda client: None),
        ("without_iat", "iat", lambda client: None),
        ("without_sub", "sub", lambda client: None),
        ("empty_sub", "sub", lambda client: ""),
        ("aud_as_list", "aud", lambda client: [client.client_id]),
        ("with_azp", "azp", lambda client: client.client_id),
        ("without_at_hash", "at_hash", lambda client: None),
    ],
)
def test_a_lie_in_a_claim_is_properly_signed(social: Client, kind: str, claim: str, lie: Any) -> None:
    assert verified(social, lied(social, kind)).get(claim) == lie(social)


def test_an_expired_token_has_only_just_expired(social: Client, provider: DemoProvider) -> None:
    over_for = provider.now().timestamp() - verified(social, lied(social, "expired"))["exp"]
    assert 60 < over_for < 120


def test_a_token_from_the_future_was_issued_tomorrow(social: Client, provider: DemoProvider) -> None:
    assert verified(social, lied(social, "issued_in_future"))["iat"] > provider.now().timestamp() + 80_000


def test_a_wrong_at_hash_belongs_to_another_token(social: Client, provider: DemoProvider) -> None:
    provider.control("social/knobs", id_token="wrong_at_hash")
    answer = social.connect("social-personal")
    right = create_half_hash(answer["access_token"], "RS256").decode()
    assert verified(social, answer["id_token"])["at_hash"] != right


def test_a_bad_signature_does_not_verify(social: Client) -> None:
    with pytest.raises(BadSignatureError):
        verified(social, lied(social, "bad_signature"))


@pytest.mark.parametrize("kind", ["unknown_kid", "alg_none", "alg_hs256", "not_a_jwt"])
def test_a_forged_head_does_not_verify(social: Client, kind: str) -> None:
    with pytest.raises((JoseError, ValueError)):
        verified(social, lied(social, kind))


@pytest.mark.parametrize(("kind", "head"), [("alg_none", "none"), ("alg_hs256", "HS256")])
def test_a_forged_algorithm_is_named_in_the_head(social: Client, kind: str, head: str) -> None:
    assert unverified(lied(social, kind), part=0)["alg"] == head


def test_a_token_without_kid_still_verifies(social: Client) -> None:
    token = lied(social, "without_kid")
    assert "kid" not in unverified(token, part=0)
    assert verified(social, token)["sub"] == "social-business"


def test_the_id_token_can_be_missing(social: Client, provider: DemoProvider) -> None:
    provider.control("social/knobs", id_token="missing")
    assert "id_token" not in social.connect("social-personal")


def test_a_new_key_signs_and_the_old_one_stays_published(social: Client, provider: DemoProvider) -> None:
    old = social.connect("social-personal")["id_token"]
    kid = provider.control("social/rotate-keys")["kid"]
    new = social.connect("social-personal")["id_token"]
    assert unverified(new, part=0)["kid"] == kid != unverified(old, part=0)["kid"]
    assert verified(social, old)["sub"] == verified(social, new)["sub"]
    provider.control("reset")
    assert [key.kid for key in key_set(social).keys] == [kid]


def test_private_keys_are_not_published(social: Client) -> None:
    published = requests.get(f"{social.issuer}/jwks", timeout=20).json()["keys"]
    assert all(set(key) <= {"kty", "kid", "use", "alg", "n", "e"} for key in published)
