"""What is the matter with a credential is named, with the way to mend it, and without its secret."""

import pytest

from credentials.credential import ApiKeyCredential, Credential, LoginNeeded, OAuthCredential
from credentials.credential_store import Kept
from credentials.report import Looked, findings, spoken

NOW = 1_000_000_000_000
HOUR = 3_600_000


def token(left_ms: int, refresh: str | None = "canary-r", login: LoginNeeded | None = None) -> OAuthCredential:
    return OAuthCredential("canary-a", refresh, NOW + left_ms, login_needed=login)


def looked(credential: Credential, *, is_sealed: bool = True) -> Looked:
    return Looked("acme.example", Kept(credential, is_sealed))


@pytest.mark.parametrize(
    ("one", "states"),
    [
        (looked(ApiKeyCredential("canary")), ["valid"]),
        (looked(OAuthCredential("canary", "r")), ["valid"]),
        (looked(token(HOUR)), ["valid"]),
        (looked(token(200_000)), ["expiring_soon"]),
        (looked(token(-1)), ["expired"]),
        (looked(token(HOUR, None)), ["no_refresh_token"]),
        (looked(token(-HOUR, None)), ["no_refresh_token"]),
        (looked(token(HOUR, login=LoginNeeded("revoked", 1))), ["login_needed"]),
        (looked(ApiKeyCredential("canary"), is_sealed=False), ["valid", "not_sealed"]),
        (Looked("acme.example", None, "x may be read by others; `chmod 600` it."), ["unusable"]),
        (Looked("acme.example", None), ["unusable"]),
        (Looked("acme.example", Kept(token(HOUR), is_sealed=True), is_pending=True), ["valid", "unsaved_refresh"]),
        (Looked("acme.example", Kept(token(-1), is_sealed=True), refresh="busy"), ["expired", "refresh_fails"]),
        (Looked("acme.example", Kept(token(HOUR), is_sealed=True), upstream="no"), ["valid", "refused_upstream"]),
    ],
)
def test_each_state_has_its_name(one: Looked, states: list[str]) -> None:
    found = findings([one], NOW)
    assert [each.state for each in found] == states
    assert [each.is_well for each in found] == [state in {"valid", "expired", "expiring_soon"} for state in states]
    assert "canary" not in str(found)


def test_a_key_of_another_account_is_told() -> None:
    one = looked(ApiKeyCredential("k", "team"))
    tenants = [("acme.example", "team"), ("acme.example", "others"), ("x.example", "others")]
    found = findings([one], NOW, tenants=tenants)
    assert [each.state for each in found] == ["valid", "another_account"]
    assert "others" in found[1].message
    assert findings([looked(ApiKeyCredential("k"))], NOW, tenants=tenants)[1:] == []


def test_strangers_are_named() -> None:
    [found] = findings([], NOW, strangers=["Acme.credentials.json"])
    assert (found.domain, found.state, found.is_well) == ("Acme.credentials.json", "stranger", False)


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "5 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_a_length_of_time(seconds: float, words: str) -> None:
    assert spoken(seconds) == words
