"""Who is answered, whose pages may ask, and what every answer says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.security import HEADERS, OWN_POLICY, REPORTS_TO, addresses_of, name_in
from domain.errors import SetupError

LOCAL = addresses_of(["127.0.0.1", "::1"], [])
LAN = addresses_of(["192.168.1.4"], [])
EVERYWHERE = addresses_of(["0.0.0.0"], ["https://nexus.example", "http://intra:8080/"])


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:3001", "LOCALHOST:3001", "127.0.0.1", "127.0.0.1:9", "127.9.9.9:1", "[::1]:3001"]
)
def test_this_machine_is_known_by_its_own_names(host: str) -> None:
    assert LOCAL.allow(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:3001",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "127.0.0.1.",
        "localhost.",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "[::1",
        "::1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "localhost:",
        "localhost:x",
        "localhost:123456",
        "localhost:3001:1",
        "user@localhost",
        "localhost/",
        "localhost localhost",
        "localhost,evil",
        "<script>",
        "../../etc/passwd",
        "localhost\x00",
        "ｌocalhost",
        "localhost\n",
        "-localhost",
        "l" * 300,
    ],
)
@pytest.mark.bar(65)
def test_any_other_name_may_be_somebody_elses(host: str | None) -> None:
    assert not LOCAL.allow(host)


@pytest.mark.parametrize(("host", "known"), [("192.168.1.4:3001", True), ("192.168.1.5", False), ("localhost", True)])
def test_the_address_we_listen_on_is_ours(host: str, known: bool) -> None:
    assert LAN.allow(host) is known


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("10.1.2.3", True),
        ("[2001:db8::1]:3001", True),
        ("nexus.example", True),
        ("intra:8080", True),
        ("intra", True),
        ("evil.example", False),
        ("sub.nexus.example", False),
    ],
)
def test_who_listens_everywhere_has_every_address_and_no_other_name(host: str, known: bool) -> None:
    assert EVERYWHERE.allow(host) is known


@given(st.text(max_size=40))
def test_no_value_breaks_the_rule(host: str) -> None:
    if LOCAL.allow(host):
        assert name_in(host) in {"localhost", "[::1]"} or str(name_in(host)).startswith("127.")


@pytest.mark.parametrize(
    "url", ["", "nexus.example", "ftp://x", "https://", "https://a b", "https://x/path", "https://[::1"]
)
def test_a_public_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SetupError, match="give it as"):
        addresses_of(["127.0.0.1"], [url])


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://localhost:3001", "localhost:3001", True),
        ("http://LOCALHOST:3001", "localhost:3001", True),
        ("http://127.0.0.1:3001", "127.0.0.1:3001", True),
        ("http://[::1]:3001", "[::1]:3001", True),
        ("http://localhost:3001", "127.0.0.1:3001", False),
        ("http://127.0.0.1:3001", "localhost:3001", False),
        ("http://localhost:3000", "localhost:3001", False),
        ("http://localhost", "localhost:3001", False),
        ("http://localhost:30011", "localhost:3001", False),
        ("http://xlocalhost:3001", "localhost:3001", False),
        ("http://localhost:3001.evil.example", "localhost:3001", False),
        ("http://evil.example", "localhost:3001", False),
        ("https://localhost:3001", "localhost:3001", False),
        ("null", "localhost:3001", False),
        ("", "localhost:3001", False),
        (None, "localhost:3001", False),
        ("http://localhost:3001/", "localhost:3001", False),
    ],
)
@pytest.mark.bar(65)
def test_an_origin_is_ours_only_to_the_letter(origin: str | None, host: str, same: bool) -> None:
    assert LOCAL.is_same_origin(origin, host) is same


@pytest.mark.bar(65)
def test_behind_tls_the_origin_is_https() -> None:
    assert EVERYWHERE.is_same_origin("https://nexus.example", "nexus.example")
    assert not EVERYWHERE.is_same_origin("http://nexus.example", "nexus.example")
    assert EVERYWHERE.is_same_origin("http://intra:8080", "intra:8080")
    assert (EVERYWHERE.is_https("nexus.example"), EVERYWHERE.is_https("intra"), EVERYWHERE.is_https("?")) == (
        True,
        False,
        False,
    )


def directives(policy: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in policy.split(";"))}


@pytest.mark.bar(63)
def test_a_page_may_load_from_here_alone() -> None:
    policy = directives(LOCAL.page_policy("localhost:3001"))
    assert (
        policy["default-src"] == policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    )
    assert policy["script-src-attr"] == policy["frame-src"] == ["'none'"]
    assert policy["script-src"] == ["'self'", "'unsafe-inline'", "'unsafe-eval'", "blob:"]
    assert policy["img-src"] == policy["font-src"] == ["'self'", "data:"]
    assert policy["connect-src"] == ["'self'", "blob:", "ws://localhost:3001"]
    assert policy["form-action"] == ["'self'"]
    assert "wss://nexus.example" in EVERYWHERE.page_policy("nexus.example")


@pytest.mark.bar(63)
def test_our_own_pages_run_no_script_but_our_files() -> None:
    policy = directives(OWN_POLICY)
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert "unsafe" not in OWN_POLICY


@pytest.mark.bar(63)
@pytest.mark.parametrize("policy", [OWN_POLICY, LOCAL.page_policy("localhost:3001")])
def test_what_a_browser_stops_it_reports_here(policy: str) -> None:
    """Without ``report-to``: browsers that know both would report late, and over plain HTTP nothing."""
    assert directives(policy)["report-uri"] == [REPORTS_TO]
    assert "report-to" not in directives(policy)


def test_no_policy_names_another_host() -> None:
    for policy in (OWN_POLICY, LOCAL.page_policy("localhost:3001")):
        assert set(re.findall(r"[a-z]+://\S+?(?=[ ;]|$)", policy)) <= {"ws://localhost:3001"}


def test_the_headers_that_every_answer_has() -> None:
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert HEADERS["X-Frame-Options"] == "DENY"
    assert HEADERS["Referrer-Policy"] == "same-origin"
    assert HEADERS["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in HEADERS["Permissions-Policy"]
