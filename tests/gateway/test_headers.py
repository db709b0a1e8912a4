"""What passes, passes byte for byte, in order, duplicates kept; what may not pass or be recorded does not."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.redaction import fingerprint
from gateway.headers import (
    UNKNOWN_DOMAIN,
    HeaderLines,
    body_length,
    by_name,
    client_domain,
    for_client,
    for_upstream,
    to_facts,
    upstream_request_id,
)
from gateway.records import HeaderLine

KEY = b"k" * 32
HOP_BY_HOP = [
    b"Connection", b"keep-alive", b"Proxy-Authenticate", b"Proxy-Authorization", b"Proxy-Connection", b"TE", b"Trailer",
    b"Transfer-Encoding", b"UPGRADE",
]  # fmt: skip
names = st.sampled_from([b"Accept", b"x-api-key", b"X-Api-Key", b"anthropic-beta", b"a", b"A", b"Cookie", b"Date"])
others: st.SearchStrategy[HeaderLines] = st.lists(st.tuples(names, st.binary(max_size=6)), max_size=6).map(tuple)
hops: st.SearchStrategy[HeaderLines] = st.lists(
    st.tuples(st.sampled_from(HOP_BY_HOP[1:]), st.binary(max_size=4)), max_size=3
).map(tuple)


def mixed(*parts: HeaderLines) -> st.SearchStrategy[HeaderLines]:
    return st.permutations([line for part in parts for line in part]).map(tuple)


@given(st.tuples(others, hops).flatmap(lambda two: st.tuples(st.just(two[0]), mixed(*two))))
def test_end_to_end_lines_pass_unchanged_in_order_both_ways(two: tuple[HeaderLines, HeaderLines]) -> None:
    _, lines = two
    hop_names = {name.lower() for name in HOP_BY_HOP}
    expected = tuple(line for line in lines if line[0].lower() not in hop_names)
    assert for_client(lines, by_name(lines), 0) == expected
    with_host = ((b"HOST", b"here:1"), (b"content-LENGTH", b"7"), *lines)
    sent = for_upstream(with_host, b"there", 7)
    assert sent == ((b"HOST", b"there"), (b"content-LENGTH", b"7"), *expected)


def test_what_connection_names_stays_here_on_every_connection_line() -> None:
    lines = (
        (b"Connection", b"close, X-One"),
        (b"x-one", b"1"),
        (b"x-two", b"2"),
        (b"connection", b"\tX-TWO "),
        (b"x", b"3"),
    )
    assert for_client(lines, by_name(lines), 0) == ((b"x", b"3"),)
    assert for_upstream(lines, b"h", 0) == ((b"Host", b"h"), (b"x", b"3"))


def test_connection_is_a_word_of_its_own() -> None:
    lines = ((b"connection-id", b"a"), (b"a", b"1"))
    assert for_client(lines, by_name(lines), 0) == lines


def test_host_is_replaced_where_it_stood_and_added_first_where_there_was_none() -> None:
    assert for_upstream(((b"a", b"1"), (b"hOst", b"me")), b"up", 0) == ((b"a", b"1"), (b"hOst", b"up"))
    assert for_upstream(((b"a", b"1"),), b"up", 0) == ((b"Host", b"up"), (b"a", b"1"))


@pytest.mark.parametrize(
    ("lines", "size", "told"),
    [
        (((b"Content-Length", b"0"),), 0, [b"0"]),
        (((b"Content-Length", b"007"),), 7, [b"7"]),
        (((b"Transfer-Encoding", b"chunked"),), 5, [b"5"]),
        (((b"Transfer-Encoding", b"chunked"),), 0, [b"0"]),
        ((), 3, [b"3"]),
        ((), 0, []),
    ],
)
def test_the_length_upstream_hears_is_the_bodys(lines: HeaderLines, size: int, told: list[bytes]) -> None:
    sent = for_upstream(lines, b"h", size)
    assert [value for name, value in sent if name.lower() == b"content-length"] == told
    assert not [name for name, _ in sent if name.lower() == b"transfer-encoding"]


def test_expect_stays_here() -> None:
    assert for_upstream(((b"Host", b"h"), (b"Expect", b"100-continue")), b"h", 0) == ((b"Host", b"h"),)


@pytest.mark.parametrize(
    ("method", "status", "lines", "length"),
    [
        ("GET", 200, ((b"content-length", b"12"),), 12),
        ("GET", 200, ((b"Content-Length", b"0"),), 0),
        ("GET", 200, (), None),
        ("GET", 200, ((b"content-length", b"12"), (b"transfer-encoding", b"chunked")), None),
        ("GET", 200, ((b"content-length", b"+12"),), None),
        ("HEAD", 200, ((b"content-length", b"12"),), 0),
        ("HEAD", 200, ((b"transfer-encoding", b"chunked"),), 0),
        ("GET", 204, ((b"content-length", b"12"),), 0),
        ("GET", 304, ((b"content-length", b"12"),), 0),
        ("GET", 205, ((b"content-length", b"12"),), 12),
    ],
)
def test_the_length_of_a_body(method: str, status: int, lines: HeaderLines, length: int | None) -> None:
    assert body_length(method, status, by_name(lines)) == length


def test_a_length_that_frames_nothing_does_not_pass() -> None:
    lines = ((b"content-length", b"12"), (b"transfer-encoding", b"chunked"), (b"a", b"1"))
    assert for_client(lines, by_name(lines), None) == ((b"a", b"1"),)
    assert for_client(lines, by_name(lines), 0) == ((b"content-length", b"12"), (b"a", b"1"))


def test_another_nexus_on_the_way_does_not_give_our_request_id() -> None:
    lines = ((b"X-Nexus-Request-Id", b"theirs"), (b"request-id", b"req"))
    assert for_client(lines, by_name(lines), 0) == ((b"request-id", b"req"),)


def test_the_first_line_of_a_name_counts() -> None:
    assert by_name(((b"A", b"1"), (b"a", b"2"), (b"B", b"3"))) == {b"a": b"1", b"b": b"3"}


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        (b"localhost:3000", "localhost"),
        (b"127.0.0.1:3000", "127.0.0.1"),
        (b"[::1]:3000", "::1"),
        (b"[2001:DB8::1]", "2001:db8::1"),
        (b"API.Example.COM", "api.example.com"),
        (b"example.com.", "example.com"),
        (b"my_host", "my_host"),
        (b"", UNKNOWN_DOMAIN),
        (b"a..b", UNKNOWN_DOMAIN),
        (b"-a", UNKNOWN_DOMAIN),
        (b"../../etc/passwd", UNKNOWN_DOMAIN),
        (b"<script>", UNKNOWN_DOMAIN),
        (b"a b", UNKNOWN_DOMAIN),
        (b"a:b", UNKNOWN_DOMAIN),
        (b"user@host", UNKNOWN_DOMAIN),
        (b"[<x>]", UNKNOWN_DOMAIN),
        (b"h\xf6st", UNKNOWN_DOMAIN),
        (b"a" * 64, UNKNOWN_DOMAIN),
        (b"a" * 600, UNKNOWN_DOMAIN),
        (b"a" * 63, "a" * 63),
        (b".".join([b"a" * 63] * 4), UNKNOWN_DOMAIN),
        (b".".join([b"a" * 62] * 4), ".".join(["a" * 62] * 4)),
    ],
)
def test_the_client_domain_is_the_hosts_name_or_unknown(host: bytes, domain: str) -> None:
    assert client_domain({b"host": host}) == domain


@given(st.binary(max_size=300))
@example(b"a\n")
def test_no_host_makes_a_label_that_means_anything_elsewhere(host: bytes) -> None:
    domain = client_domain({b"host": host})
    assert len(domain) <= 253
    assert domain == domain.lower()
    assert set(domain) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.:")
    assert ".." not in domain


@pytest.mark.parametrize(
    ("label", "domain"),
    [(b"Demo", "demo"), (b" team-a ", "team-a"), (b"::1", UNKNOWN_DOMAIN), (b"a/b", UNKNOWN_DOMAIN)],
)
def test_a_label_given_by_the_client_wins_even_if_it_is_none(label: bytes, domain: str) -> None:
    assert client_domain({b"host": b"localhost", b"x-nexus-domain": label}) == domain


def test_upstreams_request_id() -> None:
    assert upstream_request_id({b"request-id": b"req_1", b"x-request-id": b"other"}) == "req_1"
    assert upstream_request_id({b"x-request-id": b"other"}) == "other"
    assert upstream_request_id({b"date": b"now"}) is None


def test_facts_hold_harmless_values_and_fingerprints_of_the_rest() -> None:
    facts = to_facts(KEY)
    lines = ((b"User-Agent", b"claude-cli"), (b"X-Api-Key", b"secret"), (b"x-own", b"\xff1"), (b"x-own", b""))
    told = (
        HeaderLine("User-Agent", "claude-cli"),
        HeaderLine("X-Api-Key", None, None, fingerprint("secret", KEY)),
        HeaderLine("x-own", None, 2, fingerprint("\xff1", KEY)),
        HeaderLine("x-own", None, 0, fingerprint("", KEY)),
    )
    assert facts(lines) == told
    assert facts(lines) == told, "also when they are remembered"
    assert facts(()) == ()


def test_only_harmless_values_are_remembered() -> None:
    facts = to_facts(KEY)
    for name, value, same in ((b"accept", b"json", True), (b"x-api-key", b"s", False), (b"accept", b"j" * 513, False)):
        (one,), (other,) = facts(((name, value),)), facts(((name, bytes(bytearray(value))),))
        assert one == other
        assert (one is other) == same


def test_what_is_remembered_is_bounded_and_right_after_it_was_forgotten() -> None:
    facts = to_facts(KEY)
    (first,) = facts(((b"accept", b"0"),))
    for number in range(1, 2100):
        assert facts(((b"accept", b"%d" % number),))[0].value == str(number)
    (again,) = facts(((b"accept", b"0"),))
    assert again == first
    assert again is not first


def test_connection_cannot_list_what_frames_or_addresses_a_message() -> None:
    lines = ((b"Host", b"here"), (b"Connection", b"content-length, Host, x"), (b"x", b"y"), (b"Content-Length", b"5"))
    assert for_upstream(lines, b"up", 5) == ((b"Host", b"up"), (b"Content-Length", b"5"))
    assert for_client(lines, by_name(lines), 5) == ((b"Host", b"here"), (b"Content-Length", b"5"))
