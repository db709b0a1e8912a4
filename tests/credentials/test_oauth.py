"""What is said to an authorization server follows the RFCs; what it answers is judged by what it holds."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.credential import LoginNeeded, OAuthCredential
from credentials.oauth import (
    Attempt,
    LoginError,
    OAuthSettings,
    Refused,
    Tokens,
    Unavailable,
    authorize_url,
    challenge,
    checked_settings,
    code_request,
    lifetime_s,
    logged_in,
    new_attempt,
    pasted_code,
    refresh_request,
    refreshed,
    token_answer,
)
from domain.errors import SetupError

SETTINGS = OAuthSettings(
    "https://auth.example/authorize", "https://auth.example/token", "client", "https://auth.example/cb", ("a:b", "c")
)
ATTEMPT = Attempt("v" * 43, "s" * 43)
GOOD: dict[str, Any] = {"access_token": "at", "refresh_token": "rt", "token_type": "bearer", "expires_in": 100}


def answer(status: int = 200, retry_after: str | None = None, **content: Any) -> object:
    return token_answer(status, json.dumps(content).encode(), retry_after)


def test_the_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_an_attempt_is_random_and_its_state_is_not_the_verifier() -> None:
    given_out = iter([b"a" * 32, b"b" * 32])
    attempt = new_attempt(lambda size: next(given_out)[:size])
    assert len(attempt.verifier) == len(attempt.state) == 43
    assert attempt.verifier != attempt.state
    assert attempt.verifier not in repr(attempt)
    assert attempt.state not in repr(attempt)


def test_the_url_holds_the_challenge_and_never_the_verifier() -> None:
    url = authorize_url(SETTINGS, ATTEMPT)
    assert parse_qs(urlsplit(url).query) == {
        "code": ["true"],
        "client_id": ["client"],
        "response_type": ["code"],
        "redirect_uri": ["https://auth.example/cb"],
        "scope": ["a:b c"],
        "code_challenge": [challenge(ATTEMPT.verifier)],
        "code_challenge_method": ["S256"],
        "state": [ATTEMPT.state],
    }
    assert ATTEMPT.verifier not in url


def test_a_url_with_a_query_gets_more_of_it() -> None:
    other = OAuthSettings("https://a.example/x?y=1", "https://a.example/t", "c", "https://a.example/cb", ())
    assert "?y=1&code=true" in authorize_url(other, ATTEMPT)


@pytest.mark.parametrize(
    "text",
    [
        f"the-code#{ATTEMPT.state}",
        f"  the-code#{ATTEMPT.state}\n",
        f"https://auth.example/cb?code=the-code&state={ATTEMPT.state}",
        f"https://auth.example/cb?x=1#state={ATTEMPT.state}&code=the-code",
    ],
)
def test_a_code_may_be_pasted_in_each_of_its_forms(text: str) -> None:
    assert pasted_code(text, ATTEMPT) == "the-code"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("canary", "another login"),
        ("", "another login"),
        ("canary#", "another login"),
        (f"canary#{ATTEMPT.state}x", "another login"),
        ("canary#ünïcode", "another login"),
        (f"#{ATTEMPT.state}", "no code"),
        (f"can ary#{ATTEMPT.state}", "no code"),
        (f"https://auth.example/cb?state={ATTEMPT.state}", "no code"),
        ("https://auth.example/cb?code=canary", "another login"),
        ("https://[canary/cb", "no URL"),
        ("https://auth.example/cb?error=access_denied&error_description=canary", "access_denied"),
        ("https://auth.example/cb?error=canary", "an error"),
    ],
)
def test_what_is_no_code_of_this_login_is_refused_and_not_quoted(text: str, complaint: str) -> None:
    with pytest.raises(LoginError) as caught:
        pasted_code(text, ATTEMPT)
    assert complaint in str(caught.value)
    assert "canary" not in str(caught.value)


def test_requests_hold_what_the_server_needs() -> None:
    assert json.loads(code_request(SETTINGS, ATTEMPT, "x")) == {
        "grant_type": "authorization_code",
        "code": "x",
        "state": ATTEMPT.state,
        "client_id": "client",
        "redirect_uri": "https://auth.example/cb",
        "code_verifier": ATTEMPT.verifier,
    }
    assert json.loads(refresh_request(SETTINGS, "rt")) == {
        "grant_type": "refresh_token",
        "refresh_token": "rt",
        "client_id": "client",
    }


def test_tokens_are_read() -> None:
    assert answer(**GOOD, scope="a b") == Tokens("at", "rt", 100, ("a", "b"))
    assert answer(access_token="at") == Tokens("at", None, None, None)
    assert "at" not in repr(answer(**GOOD)).replace("lifetime", "")


@pytest.mark.parametrize(
    ("told", "meant"),
    [(100, 100), ("100", 100), (1.5, 1), (0, 0), (-7, 0), (10**11, 10 * 366 * 86_400), (None, None), (True, None),
     ("soon", None), ([], None), (10**40, None)],
)  # fmt: skip
def test_an_odd_lifetime_does_not_cost_the_token(told: object, meant: int | None) -> None:
    found = answer(**{**GOOD, "expires_in": told})
    assert isinstance(found, Tokens)
    assert (found.refresh_token, found.lifetime_s) == ("rt", meant)


@pytest.mark.parametrize("wrong", [None, 5, "", "two words", "line\nbreak", "é", "x" * 9000])
def test_without_an_access_token_there_is_none(wrong: object) -> None:
    assert isinstance(answer(**{**GOOD, "access_token": wrong}), Unavailable)


@pytest.mark.parametrize("wrong", [5, "", "two words", "x" * 9000])
def test_a_refresh_token_that_cannot_be_one_is_none(wrong: object) -> None:
    found = answer(**{**GOOD, "refresh_token": wrong})
    assert isinstance(found, Tokens)
    assert found.refresh_token is None


@pytest.mark.parametrize("kind", ["mac", 5, "", []])
def test_a_token_of_another_type_is_none(kind: object) -> None:
    assert isinstance(answer(**{**GOOD, "token_type": kind}), Unavailable)


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (400, {"error": "invalid_grant", "error_description": "canary"}, Refused("invalid_grant")),
        (401, {"error": "invalid_client"}, Refused("invalid_client")),
        (403, {"error": "access_denied"}, Refused("access_denied")),
        (400, {"error": "temporarily_unavailable"}, Unavailable("temporarily_unavailable")),
        (400, {"error": "canary"}, Unavailable("it answered with status 400")),
        (400, {"error": {"type": "canary"}}, Unavailable("it answered with status 400")),
        (500, {"error": "invalid_grant"}, Unavailable("it answered with status 500")),
        (429, {"error": "invalid_grant"}, Unavailable("it answered with status 429")),
        (302, GOOD, Unavailable("it answered with status 302")),
        (201, GOOD, Unavailable("it answered with status 201")),
    ],
)
def test_a_no_is_told_in_known_words(status: int, content: dict[str, Any], said: object) -> None:
    assert answer(status, **content) == said


@pytest.mark.parametrize(("told", "meant"), [("7", 7.0), ("0", 0.0), ("-1", None), ("Fri, 1 Jan", None), (None, None)])
def test_retry_after_is_heard(told: str | None, meant: float | None) -> None:
    assert answer(429, told) == Unavailable("it answered with status 429", meant)


@given(st.integers(100, 599), st.binary(max_size=60))
def test_nothing_that_is_answered_breaks_it_or_is_quoted(status: int, body: bytes) -> None:
    found = token_answer(status, b"canary" + body)
    assert isinstance(found, Unavailable)
    assert "canary" not in repr(found)


def test_deep_json_breaks_nothing() -> None:
    assert isinstance(token_answer(200, b"[" * 100_000), Unavailable)


def test_a_login_becomes_a_credential() -> None:
    assert logged_in(Tokens("at", "rt", 100, None), 1000, SETTINGS) == OAuthCredential(
        "at", "rt", 101_000, ("a:b", "c")
    )
    assert logged_in(Tokens("at", None, None, ("z",)), 1000, SETTINGS) == OAuthCredential("at", None, 0, ("z",))


def test_a_refresh_keeps_the_spent_token_beside_its_successor() -> None:
    before = OAuthCredential(
        "a1", "r1", 5, ("s",), "team", previous_refresh_token="r0", login_needed=LoginNeeded("x", 1), rest={"slack": {}}
    )
    after = refreshed(before, "r1", Tokens("a2", "r2", 100, None), 1000)
    assert after == OAuthCredential(
        "a2", "r2", 101_000, ("s",), "team", 1000, previous_refresh_token="r1", rest={"slack": {}}
    )
    assert refreshed(before, "r1", Tokens("a2", None, None, ("t",)), 1000) == OAuthCredential(
        "a2", "r1", 0, ("t",), "team", 1000, previous_refresh_token="r0", rest={"slack": {}}
    )
    by_the_one_before = refreshed(before, "r0", Tokens("a2", "r2", 100, None), 1000)
    assert by_the_one_before.previous_refresh_token == "r0"


def test_a_past_expiry_is_given_a_minute() -> None:
    assert lifetime_s(Tokens("a", None, 0, None)) == 60
    assert lifetime_s(Tokens("a", None, None, None)) is None
    assert refreshed(OAuthCredential("a", "r"), "r", Tokens("b", None, -5, None), 0).expires_at_ms == 60_000


@pytest.mark.parametrize("url", ["https://a.example/x", "http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]/x"])
def test_endpoints_are_encrypted_or_here(url: str) -> None:
    settings = OAuthSettings(url, url, "c", "r", ())
    assert checked_settings(settings) is settings


@pytest.mark.parametrize(
    "url", ["http://a.example/x", "ftp://a.example", "https://", "https://u:p@a.example/", "https://a.example/#f",
            "https://[x", "https://a.example:port/", "http://10.0.0.1/", "http://127.0.0.1.example/"],
)  # fmt: skip
def test_other_endpoints_are_refused_by_name(url: str) -> None:
    good = "https://a.example/x"
    with pytest.raises(SetupError, match="NEXUS_OAUTH_TOKEN_URL"):
        checked_settings(OAuthSettings(good, url, "c", "r", ()))
    with pytest.raises(SetupError, match="NEXUS_OAUTH_AUTHORIZE_URL"):
        checked_settings(OAuthSettings(url, good, "c", "r", ()))
