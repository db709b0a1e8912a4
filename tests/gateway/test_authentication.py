"""A good key lets in and goes nowhere; a bad one says nothing about itself; without managed mode nothing is touched."""

import hashlib
import hmac
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.key_snapshot import KeySnapshot
from gateway import authentication
from gateway.authentication import (
    CREDENTIALS,
    OUT_OF_SCOPE,
    STRAY_KEY,
    UNAUTHENTICATED,
    Admission,
    managed,
    pass_through,
)
from gateway.error_replies import Refusal
from gateway.headers import HeaderLines
from tests.managed import TestKey, key, snapshot

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TARGET = b"/v1/messages?beta=true"
GOOD, OTHER = key(1), key(2, account="other", client_domain="other.example")
EXPIRED, REVOKED = key(3, expires_at=NOW), key(4, revoked_at=NOW + timedelta(days=1))
KEYS = snapshot(GOOD, OTHER, EXPIRED, REVOKED)
UNKNOWN = key(5)


def judge(*lines: tuple[bytes, bytes], target: bytes = TARGET, keys: KeySnapshot = KEYS) -> Admission | Refusal:
    return managed(lines, "POST", target, keys, NOW)


def let_in(*lines: tuple[bytes, bytes]) -> Admission:
    decided = judge(*lines)
    assert isinstance(decided, Admission), decided
    return decided


WRONG_SECRET = GOOD.text[:20] + (b"A" if GOOD.text[20:21] != b"A" else b"B") + GOOD.text[21:]
BAD: dict[str, HeaderLines] = {
    "none": (),
    "empty": ((b"authorization", b"Bearer "), (b"x-api-key", b"")),
    "foreign": ((b"x-api-key", b"sk-ant-api03-x"), (b"authorization", b"Bearer sk-ant-oat01-y")),
    "no scheme": ((b"authorization", GOOD.text),),
    "basic": ((b"authorization", b"Basic " + GOOD.text),),
    "malformed": ((b"x-api-key", b"cnx_"),),
    "not ascii": ((b"x-api-key", b"cnx_\xff\xfe"),),
    "checksum": ((b"x-api-key", GOOD.text[:-1] + (b"0" if GOOD.text[-1:] != b"0" else b"1")),),
    "wrong secret": ((b"x-api-key", WRONG_SECRET),),
    "unknown": (UNKNOWN.api_key,),
    "expired": (EXPIRED.bearer,),
    "revoked": (REVOKED.bearer,),
    "two keys": (GOOD.bearer, OTHER.api_key),
    "two lines": (GOOD.bearer, OTHER.bearer),
    "a good one and a broken one": (GOOD.bearer, (b"x-api-key", b"cnx_nothing")),
    "another header": ((b"x-nexus-key", GOOD.text), (b"cookie", GOOD.text)),
}


@pytest.mark.parametrize("lines", BAD.values(), ids=BAD)
def test_every_bad_key_is_the_same_401(lines: HeaderLines) -> None:
    assert judge(*lines) is UNAUTHENTICATED
    assert judge(*lines, target=b"/v1/files") is UNAUTHENTICATED, "what a key may do is nobody else's to know"


def test_the_401_says_how_it_can_be_mended_and_who_says_so() -> None:
    assert UNAUTHENTICATED.status == 401
    assert "Nexus" in UNAUTHENTICATED.message
    assert "ANTHROPIC_AUTH_TOKEN" in UNAUTHENTICATED.message
    assert UNAUTHENTICATED.lines == ((b"www-authenticate", b'Bearer realm="Nexus"'),)


@pytest.mark.parametrize(
    "lines",
    [
        (GOOD.bearer,),
        (GOOD.api_key,),
        (GOOD.bearer, GOOD.api_key),
        ((b"AUTHORIZATION", b"bEARER   " + GOOD.text),),
        ((b"X-API-Key", GOOD.text), (b"Authorization", b"Bearer sk-ant-oat01-somebodys")),
        (GOOD.bearer, (b"x-api-key", b"sk-ant-api03-somebodys")),
        (GOOD.bearer, GOOD.bearer),
    ],
)
def test_a_good_key_lets_in_wherever_it_stands(lines: HeaderLines) -> None:
    admission = let_in((b"anthropic-beta", b"x"), *lines)
    assert admission.mode == "managed"
    assert admission.key is GOOD.facts
    assert admission.headers == ((b"anthropic-beta", b"x"),)


def test_a_key_is_good_until_the_moment_that_it_expires() -> None:
    soon = key(6, expires_at=NOW + timedelta(microseconds=1))
    assert isinstance(judge(soon.bearer, keys=snapshot(soon)), Admission)
    assert judge(EXPIRED.bearer) is UNAUTHENTICATED


def test_a_good_key_on_a_route_of_another_scope_is_403() -> None:
    assert judge(GOOD.bearer, target=b"/v1/files") is OUT_OF_SCOPE
    assert OUT_OF_SCOPE.status == 403
    assert "Nexus" in OUT_OF_SCOPE.message


def test_a_key_in_the_target_would_go_upstream_and_into_the_record_so_it_opens_nothing() -> None:
    for target in (b"/v1/messages?key=" + GOOD.text, b"/v1/" + GOOD.text):
        assert judge(GOOD.bearer, target=target) is UNAUTHENTICATED
        assert pass_through((), target) is STRAY_KEY


def test_a_thousand_keys_that_begin_alike_are_a_thousand_identities() -> None:
    same = GOOD.facts.key_id
    keys = [key(number, name=str(number)) for number in range(10, 1010)]
    for one in keys[:50]:
        decided = judge(one.bearer, keys=snapshot(*keys))
        assert isinstance(decided, Admission)
        assert decided.key is one.facts
    forged = GOOD.text[:40] + key(7).text[40:]
    assert forged.startswith(b"cnx_" + same.encode())
    assert judge((b"x-api-key", forged)) is UNAUTHENTICATED


@pytest.mark.parametrize(
    "name",
    [b"authorization", b"x-api-key", b"cookie", b"proxy-authorization", b"x-nexus-key", b"anthropic-api-key"],
)
def test_nothing_that_a_client_signs_with_goes_upstream(name: bytes) -> None:
    assert name in CREDENTIALS
    admission = let_in(GOOD.bearer, (name.title(), b"secret-of-the-client"), (b"X-Other", b"stays"))
    assert admission.headers == ((b"X-Other", b"stays"),)


def test_a_key_goes_upstream_in_no_line_whatever_its_name() -> None:
    admission = let_in(GOOD.bearer, (b"x-debug", b"sent " + GOOD.text), (b"x-other", b"of " + OTHER.text), (b"a", b"b"))
    assert admission.headers == ((b"a", b"b"),)


def test_a_connection_line_cannot_take_away_our_signature_nor_the_framing_of_the_body() -> None:
    admission = let_in(
        (b"Connection", b"x-api-key, Authorization,anthropic-beta, content-length"),
        (b"connection", b"X-Hop, transfer-encoding, host"),
        (b"Host", b"h"),
        (b"x-hop", b"1"),
        (b"Content-Length", b"4"),
        (b"anthropic-beta", b"mine"),
        GOOD.bearer,
    )
    assert admission.headers == ((b"Host", b"h"), (b"Content-Length", b"4"))


names = st.sampled_from([*CREDENTIALS, b"x-other", b"connection", b"X-API-KEY", b"Authorization"])
values = st.one_of(
    st.sampled_from([GOOD.text, b"Bearer " + GOOD.text, b"bearer " + OTHER.text, EXPIRED.text, b"sk-ant-x", b""]),
    st.binary(max_size=20).filter(lambda value: not {10, 13, 0} & {*value}),
    st.binary(max_size=5).map(lambda more: b"a " + GOOD.text + more),
)


@given(st.lists(st.tuples(names, values), max_size=6).map(tuple))
def test_whatever_the_lines_are_no_key_and_no_credential_goes_upstream(lines: HeaderLines) -> None:
    decided = judge(*lines)
    if isinstance(decided, Admission):
        assert not {name.lower() for name, _ in decided.headers} & CREDENTIALS
        sent = b"\n".join(value for _, value in decided.headers)
        assert not any(one.text in sent for one in (GOOD, OTHER, EXPIRED))
        assert set(decided.headers) <= set(lines)
        shown = {value.rpartition(b" ")[2] for name, value in lines if b"cnx_" in value and name.lower() in CREDENTIALS}
        assert decided.key is not None
        assert {GOOD.text: GOOD.facts, OTHER.text: OTHER.facts}.keys() & shown


@given(st.lists(st.tuples(names, values), max_size=6).map(tuple))
def test_passed_through_lines_are_the_clients_own_and_hold_no_nexus_key(lines: HeaderLines) -> None:
    decided = pass_through(lines, TARGET)
    if any(one.text in value for one in (GOOD, OTHER, EXPIRED) for _, value in lines):
        assert decided is STRAY_KEY
    else:
        assert decided == Admission("pass_through", lines)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ((b"x-note", b"how a cnx_ key looks"),),
        ((b"X-Api-Key", b"sk-1"), (b"authorization", b"Bearer 2"), (b"cookie", b"c")),
    ],
)
def test_in_pass_through_the_clients_own_lines_go_on_untouched(lines: HeaderLines) -> None:
    admission = pass_through(lines, TARGET)
    assert isinstance(admission, Admission)
    assert admission.headers is lines
    assert (admission.mode, admission.key) == ("pass_through", None)


@pytest.mark.parametrize(
    "line",
    [GOOD.bearer, GOOD.api_key, (b"x-api-key", b"cnx_mistyped"), (b"cookie", b"a; k=" + GOOD.text), (b"x", GOOD.text)],
)
def test_in_pass_through_a_nexus_key_is_not_forwarded(line: tuple[bytes, bytes]) -> None:
    decided = pass_through((line,), TARGET)
    assert decided is STRAY_KEY
    assert STRAY_KEY.status == 401
    assert "NEXUS_MODE" in STRAY_KEY.message


class Looked:
    """Keys that count how often somebody looks one up."""

    def __init__(self, work: Counter[str], keys: dict[str, Any]) -> None:
        self._work, self._keys = work, keys

    def get(self, key_id: str, default: object) -> object:
        self._work["look-up"] += 1
        return self._keys.get(key_id, default)


@pytest.mark.parametrize("lines", [*BAD.values(), (GOOD.bearer,)], ids=[*BAD, "good"])
def test_whatever_is_wrong_the_same_work_is_done(lines: HeaderLines, monkeypatch: pytest.MonkeyPatch) -> None:
    work: Counter[str] = Counter()

    def compared(one: bytes, other: bytes) -> bool:
        work["comparison"] += 1
        assert len(one) == len(other) == 32
        return hmac.compare_digest(one, other)

    def hashed(text: bytes) -> bytes:
        work["digest"] += 1
        return hashlib.sha256(text).digest()

    monkeypatch.setattr(authentication, "compare_digest", compared)
    monkeypatch.setattr(authentication, "hash_of", hashed)
    keys = KeySnapshot(Looked(work, dict(KEYS.keys)))  # type: ignore[arg-type]  # only asked for one key
    managed(lines, "POST", TARGET, keys, NOW)
    assert work == {"look-up": 1, "digest": 1, "comparison": 1}


def test_what_stands_for_nobody_opens_nothing_even_to_somebody_who_has_its_secret() -> None:
    secret_of_nobody = TestKey(authentication._NO_KEY, authentication._NOBODY)
    assert judge(secret_of_nobody.bearer) is UNAUTHENTICATED
    named = replace(authentication._NOBODY, secret_hash=hashlib.sha256(secret_of_nobody.text).digest())
    assert judge(secret_of_nobody.bearer, keys=KeySnapshot({"00000000": named})) is UNAUTHENTICATED
