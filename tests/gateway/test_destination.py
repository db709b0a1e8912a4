"""Requests go to the one place that was configured, and an unusual place must be allowed by name."""

import pytest

from domain.errors import SetupError
from gateway.destination import Destination, destination


@pytest.mark.parametrize(
    ("url", "place", "authority"),
    [
        ("https://api.anthropic.com", Destination("https", "api.anthropic.com", 443, ""), "api.anthropic.com"),
        ("https://API.example.com:8443/", Destination("https", "api.example.com", 8443, ""), "api.example.com:8443"),
        ("https://a.example./v/x/", Destination("https", "a.example", 443, "/v/x"), "a.example"),
        ("http://127.0.0.1:8799", Destination("http", "127.0.0.1", 8799, "", may_be_private=True), "127.0.0.1:8799"),
        ("http://127.9.9.9", Destination("http", "127.9.9.9", 80, "", may_be_private=True), "127.9.9.9"),
        ("http://localhost:80", Destination("http", "localhost", 80, "", may_be_private=True), "localhost"),
        ("http://[::1]:99", Destination("http", "::1", 99, "", may_be_private=True), "[::1]:99"),
        ("https://[::1]", Destination("https", "::1", 443, "", may_be_private=True), "[::1]"),
    ],
)
def test_public_https_and_loopback_are_always_allowed(url: str, place: Destination, authority: str) -> None:
    assert destination(url) == place
    assert place.authority == authority
    assert place.origin == f"{place.scheme}://{authority}"


@pytest.mark.parametrize(
    ("url", "host", "why"),
    [
        ("http://api.example.com", "api.example.com", "not encrypted"),
        ("http://10.0.0.1", "10.0.0.1", "not encrypted"),
        ("https://93.184.216.34", "93.184.216.34", "an address"),
        ("https://169.254.169.254", "169.254.169.254", "an address"),
        ("https://[2606:2800::1]", "2606:2800::1", "an address"),
        ("https://2130706433", "2130706433", "an address"),
        ("https://0x7f000001", "0x7f000001", "an address"),
        ("https://127.1", "127.1", "an address"),
        ("https://router", "router", "private"),
        ("https://llm.internal", "llm.internal", "private"),
        ("https://printer.local", "printer.local", "private"),
        ("https://db.localdomain", "db.localdomain", "private"),
        ("https://evil.localhost", "evil.localhost", "private"),
    ],
)
def test_anything_else_must_be_allowed_by_name(url: str, host: str, why: str) -> None:
    with pytest.raises(SetupError, match=why) as refused:
        destination(url)
    assert f"add {host} to NEXUS_ALLOW_UPSTREAM" in str(refused.value)
    with pytest.raises(SetupError):
        destination(url, {"other.example"})
    allowed = f"[{host.upper()}]" if ":" in host else host.upper()
    found = destination(url, {allowed})
    assert (found.host, found.may_be_private) == (host, True)


@pytest.mark.parametrize(
    "url",
    [
        "", "api.anthropic.com", "ftp://x.example", "https://", "https:///path", "https://a b.example",
        "https://x.example:0x1", "https://x.example:99999", "https://ex\u00e4mple.com", "https://x.example/\x00",
        "https://[x", "//x.example", "https://a\\b.example", "https://a%2eb.example", "https://a,b.example",
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused_with_an_example_or_a_reason(url: str) -> None:
    with pytest.raises(SetupError, match="NEXUS_UPSTREAM_URL"):
        destination(url)


@pytest.mark.parametrize(
    "url", ["https://u:p@x.example", "https://u@x.example", "https://x.example?a=1", "https://x.example/#f"]
)
def test_users_queries_and_fragments_have_no_place_in_it(url: str) -> None:
    with pytest.raises(SetupError, match="remove it"):
        destination(url)
