"""Credentials are read as the original system wrote them, kept with all their fields, and never show a secret."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.credential import (
    ApiKeyCredential,
    CredentialContentError,
    LoginNeeded,
    OAuthCredential,
    decoded,
    encoded,
    secret_of,
    signature_of,
    taking_over,
)

SECRETS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
OTHERS = st.dictionaries(st.sampled_from(["slack", "client_api_key", "x", "é"]), JSON, max_size=3)
MOMENTS = st.integers(0, 10**15)
LOGIN_ENDS = st.none() | st.builds(LoginNeeded, st.text(max_size=20), MOMENTS)
API_KEYS = st.builds(ApiKeyCredential, SECRETS, st.none() | st.just("team"), OTHERS)
OAUTHS = st.builds(
    OAuthCredential, SECRETS, st.none() | SECRETS, MOMENTS, st.lists(st.text(max_size=5), max_size=3).map(tuple),
    st.none() | st.just("team"), MOMENTS, st.none() | SECRETS, LOGIN_ENDS, OTHERS,
    st.dictionaries(st.sampled_from(["isMax", "y"]), JSON, max_size=2),
)  # fmt: skip
ORIGINAL = {
    "type": "oauth",
    "accountId": "acc_1",
    "oauth": {
        "accessToken": "canary-access",
        "refreshToken": "canary-refresh",
        "expiresAt": 1756000000000,
        "scopes": ["user:inference"],
        "isMax": True,
    },
    "client_api_key": "canary-client",
    "slack": {"webhook_url": "https://hooks.example/canary-hook", "enabled": False},
    "later": [1, {"a": None}],
}


@given(API_KEYS | OAUTHS)
def test_what_is_written_is_read_again(credential: ApiKeyCredential | OAuthCredential) -> None:
    assert decoded(encoded(credential)) == credential


def test_the_original_systems_fields_are_all_kept() -> None:
    credential = decoded(json.dumps(ORIGINAL).encode())
    assert json.loads(encoded(credential)) == ORIGINAL
    assert isinstance(credential, OAuthCredential)
    assert (credential.account, credential.expires_at_ms, credential.scopes) == (
        "acc_1", 1756000000000, ("user:inference",)
    )  # fmt: skip


def test_an_api_key_signs_with_its_line() -> None:
    credential = decoded(b'{"type":"api_key","api_key":"sk-1","accountId":""}')
    signature = signature_of("acme.example", credential)
    assert credential.account is None
    assert (signature.lines, signature.betas) == (((b"x-api-key", b"sk-1"),), ())
    assert (signature.credential, signature.secrets, secret_of(credential)) == ("acme.example", (b"sk-1",), "sk-1")


def test_a_token_signs_as_bearer_with_the_beta() -> None:
    signature = signature_of("acme.example", OAuthCredential("tok"))
    assert signature.lines == ((b"authorization", b"Bearer tok"),)
    assert (signature.betas, signature.secrets) == ((b"oauth-2025-04-20",), (b"tok",))


def without(*path: str) -> Any:
    content = json.loads(json.dumps(ORIGINAL))
    place = content
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return content


def having(value: Any, *path: str) -> Any:
    content = json.loads(json.dumps(ORIGINAL))
    place = content
    for name in path[:-1]:
        place = place.setdefault(name, {})
    place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"canary{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'["canary"]', "no JSON object"),
        (without("type"), "`type`"),
        (having("canary", "type"), "`type`"),
        (without("oauth"), "`oauth` is missing"),
        (having("canary", "oauth"), "`oauth` is missing"),
        (without("oauth", "accessToken"), "`oauth.accessToken` is missing"),
        (having("canary \r\n x", "oauth", "accessToken"), "`oauth.accessToken` is no single word"),
        (having("canary" * 2000, "oauth", "accessToken"), "`oauth.accessToken` is no single word"),
        (having(["canary"], "oauth", "refreshToken"), "`oauth.refreshToken`"),
        (having("canary", "oauth", "expiresAt"), "`oauth.expiresAt`"),
        (having(True, "oauth", "expiresAt"), "`oauth.expiresAt`"),
        (having(-1, "oauth", "expiresAt"), "`oauth.expiresAt`"),
        (having("canary", "oauth", "scopes"), "`oauth.scopes`"),
        (having([1], "oauth", "scopes"), "`oauth.scopes`"),
        (having({"canary": 1}, "accountId"), "`accountId`"),
        (having("a\nb", "accountId"), "`accountId`"),
        (having("", "nexus", "previousRefreshToken"), "previousRefreshToken` is missing"),
        (having("canary", "nexus", "loginNeeded"), "loginNeeded"),
        (having({"reason": 1}, "nexus", "loginNeeded"), "loginNeeded"),
        ({"type": "api_key", "api_key": 5}, "`api_key`"),
        ({"type": "api_key"}, "`api_key` is missing"),
    ],
)
def test_what_is_no_credential_is_refused_without_quoting_it(content: Any, complaint: str) -> None:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(CredentialContentError) as caught:
        decoded(data)
    assert complaint in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("empty", [None, ""])
def test_a_token_may_have_no_refresh_token_and_no_end(empty: object) -> None:
    found = decoded(json.dumps({"type": "oauth", "oauth": {"accessToken": "a", "refreshToken": empty}}).encode())
    assert found == OAuthCredential("a")


def test_a_float_of_javascript_is_a_moment() -> None:
    found = decoded(json.dumps(having(1.5e12, "oauth", "expiresAt")).encode())
    assert isinstance(found, OAuthCredential)
    assert found.expires_at_ms == 1_500_000_000_000


def test_no_secret_is_in_a_repr() -> None:
    credential = decoded(json.dumps(having("canary-before", "nexus", "previousRefreshToken")).encode())
    assert "canary" not in repr(credential)
    assert "canary" not in repr(ApiKeyCredential("canary", rest={"client_api_key": "canary"}))


def test_a_new_credential_keeps_what_is_not_about_signing() -> None:
    before = decoded(json.dumps(having({"reason": "r", "at": 1}, "nexus", "loginNeeded")).encode())
    after = taking_over(OAuthCredential("new", "r2", 5), before, None)
    assert after.account == "acc_1"
    assert isinstance(after, OAuthCredential)
    assert after.login_needed is None
    assert after.rest == {name: ORIGINAL[name] for name in ("client_api_key", "slack", "later")}
    assert taking_over(ApiKeyCredential("k"), before, "other").account == "other"
    assert taking_over(ApiKeyCredential("k", "own"), before, None).account == "own"
    assert taking_over(ApiKeyCredential("k"), None, None) == ApiKeyCredential("k")


def test_what_nexus_does_not_know_of_its_own_stays_too() -> None:
    credential = decoded(json.dumps(having(7, "nexus", "laterField")).encode())
    assert isinstance(credential, OAuthCredential)
    written = json.loads(encoded(replace(credential, refreshed_at_ms=3)))
    assert written["nexus"] == {"laterField": 7, "refreshedAt": 3}
