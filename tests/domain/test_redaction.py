"""No secret header leaves its value; harmless ones do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.redaction import MAX_KEPT_BYTES, SECRET_HEADERS, fingerprint, header_fact

KEY = b"f" * 32
values = st.text(st.characters(codec="latin-1"), min_size=12, max_size=60)


@given(st.sampled_from(sorted(SECRET_HEADERS)), values, st.booleans())
def test_a_secret_leaves_only_its_fingerprint(name: str, value: str, upper: bool) -> None:
    fact = header_fact(name.upper() if upper else name, value, KEY)
    assert fact.value is None
    assert fact.length is None
    assert not any(value in str(part) for part in fact)
    assert fact.fingerprint == fingerprint(value, KEY)


@pytest.mark.parametrize(
    "name", ["User-Agent", "anthropic-beta", "X-Claude-Code-Session-Id", "retry-after", "X-Nexus-Domain"]
)
def test_known_harmless_headers_are_kept(name: str) -> None:
    assert header_fact(name, "some value", KEY).value == "some value"


@given(values)
def test_unknown_headers_leave_name_length_and_fingerprint(value: str) -> None:
    fact = header_fact("X-Company-Token", value, KEY)
    assert (fact.name, fact.value, fact.length) == ("X-Company-Token", None, len(value))


def test_a_huge_harmless_header_is_not_kept() -> None:
    assert header_fact("user-agent", "a" * (MAX_KEPT_BYTES + 1), KEY).value is None
    assert header_fact("user-agent", "a" * MAX_KEPT_BYTES, KEY).value is not None


@pytest.mark.parametrize("value", ["cli (key sk-ant-api03-abc)", "cnx_0a1b2c3d_secret", "x=sk-ant-oat01-abc;"])
def test_a_key_in_a_harmless_header_is_not_kept(value: str) -> None:
    fact = header_fact("user-agent", value, KEY)
    assert (fact.value, fact.length) == (None, len(value))
    assert header_fact("anthropic-beta", "skants-and-cnx_", KEY).value is not None


@given(values, values)
def test_fingerprints_tell_values_apart_and_need_the_key(one: str, other: str) -> None:
    assert (fingerprint(one, KEY) == fingerprint(other, KEY)) == (one == other)
    assert fingerprint(one, KEY) != fingerprint(one, b"g" * 32)
    assert len(fingerprint(one, KEY)) == 32
