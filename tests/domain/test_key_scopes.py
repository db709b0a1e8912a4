"""Scopes: the table as people read it, and nothing a program could read in two ways."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.key_scopes import DEFAULT_SCOPES, ROUTES, SCOPES, allows

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "")
READ, MAKE, GONE = {"GET", "HEAD", "OPTIONS"}, {"POST", "HEAD", "OPTIONS"}, {"DELETE"}
REVIEWED: dict[tuple[str, bytes], set[str]] = {
    ("messages", b"/v1/messages"): MAKE,
    ("count_tokens", b"/v1/messages/count_tokens"): MAKE,
    ("models", b"/v1/models"): READ,
    ("models", b"/v1/models/claude-sonnet-5"): READ,
    ("batches", b"/v1/messages/batches"): READ | MAKE,
    ("batches", b"/v1/messages/batches/msgbatch_01A"): READ | GONE,
    ("batches", b"/v1/messages/batches/msgbatch_01A/cancel"): MAKE,
    ("batches", b"/v1/messages/batches/msgbatch_01A/results"): READ,
    ("files", b"/v1/files"): READ | MAKE,
    ("files", b"/v1/files/file_01.txt"): READ | GONE,
    ("files", b"/v1/files/file_01.txt/content"): READ,
}
"""What each scope opens. Whoever changes the table changes this too."""
ELSEWHERE = (
    b"/", b"/v1", b"/v1/", b"/v1/message", b"/v1/messages/", b"/v1/messages/x", b"/v1/messages/batches/",
    b"/v1/messages/batches/a/b", b"/v1/messages/batches/a/cancel/", b"/v1/models/", b"/v1/models/a/b", b"/v1/files/",
    b"/v1/files/a/contents", b"/V1/messages", b"/v1/Messages", b"/v1/complete", b"/v1/organizations/api_keys",
    b"/api/oauth/usage", b"/x/v1/messages", b"v1/messages", b"", b"*", b"http://other.example/v1/messages",
)  # fmt: skip
AMBIGUOUS = (
    b"//v1/messages", b"/v1//messages", b"/v1/messages//", b"/v1/../v1/messages", b"/v1/./messages", b"/v1/messages/.",
    b"/v1/models/..", b"/v1/models/../messages", b"/v1\\messages", b"/v1/%2e%2e/messages", b"/v1/%2E/messages",
    b"/v1%2fmessages", b"/v1%2Fmessages", b"/v1%5cmessages", b"/v1/messages;a=b", b"/v1/messages%3Bx", b"/v1/..;/x",
    b"/v1/models/%252e", b"/v1/models/a%00", b"/v1/models/a%0d%0a", b"/v1/models/a%", b"/v1/models/a%2", b"/v1/a%zz",
    b"/v1/models/a b", b"/v1/models/a\x00", b"/v1/models/\xc3\xa9", b"/v1/models/a#b", b"/v1/models/a%23b",
    b"/v1/models/a\x7f", b"/v1/messages\n",
)  # fmt: skip


@pytest.mark.parametrize(("scope", "path"), REVIEWED, ids=str)
def test_a_scope_opens_what_the_reviewed_table_says(scope: str, path: bytes) -> None:
    assert {method for method in METHODS if allows({scope}, method, path)} == REVIEWED[scope, path]


@pytest.mark.parametrize(("scope", "path"), REVIEWED, ids=str)
def test_no_other_scope_opens_it(scope: str, path: bytes) -> None:
    others = SCOPES - {scope, "all"}
    assert not any(allows(others, method, path) for method in METHODS)


def test_the_reviewed_table_names_every_scope() -> None:
    assert {scope for scope, _ in REVIEWED} == set(ROUTES) == SCOPES - {"all"}


@pytest.mark.parametrize("path", ELSEWHERE)
def test_nothing_else_is_open_to_any_scope_but_all(path: bytes) -> None:
    assert not any(allows(set(ROUTES), method, path) for method in METHODS)


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_an_ambiguous_path_is_open_to_nobody(path: bytes) -> None:
    assert not any(allows(SCOPES, method, path) for method in METHODS)
    assert not allows({"all"}, "GET", path + b"?a=b")


@pytest.mark.parametrize("path", [*(path for _, path in REVIEWED), b"/", b"/api/oauth/usage", b"/v1/skills/a%20b"])
def test_all_opens_every_path_that_can_be_read_in_one_way(path: bytes) -> None:
    assert all(allows({"all"}, method, path) for method in METHODS)


def test_all_opens_no_target_without_a_path() -> None:
    assert not any(
        allows({"all"}, "GET", target) for target in (b"", b"*", b"?a", b"http://x/v1", b"other.example:443")
    )


@given(st.binary(max_size=30), st.sampled_from(sorted(REVIEWED)), st.sampled_from(METHODS))
def test_the_query_changes_nothing(query: bytes, route: tuple[str, bytes], method: str) -> None:
    scope, path = route
    assert allows({scope}, method, path + b"?" + query) == allows({scope}, method, path)


@given(st.binary(max_size=40), st.sampled_from(METHODS))
def test_any_target_has_an_answer_and_only_plain_ones_a_good_one(tail: bytes, method: str) -> None:
    target = b"/v1/" + tail
    if allows(SCOPES, method, target):
        path = target.partition(b"?")[0]
        assert re.fullmatch(rb"[\x21-\x7e]*", path)
        assert not any(word in path for word in (b"//", b"..", b"\\", b";", b"#"))


@given(st.text("/.%2eEfFcC5;\\?ab", max_size=12))
def test_what_is_open_reads_the_same_once_decoded(tail: str) -> None:
    """Oracle: decoding what may be decoded, once and again, makes no other segments."""
    target = b"/" + tail.encode()
    if not allows({"all"}, "GET", target):
        return
    path = target.partition(b"?")[0]
    for _ in range(2):
        decoded = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), path)
        assert decoded.count(b"/") == path.count(b"/")
        assert not any(segment in {b".", b".."} for segment in decoded.split(b"/"))
        path = decoded


def test_without_a_scope_nothing_is_open() -> None:
    assert not any(allows((), method, path) for method, (_, path) in product(METHODS, REVIEWED))


def test_an_unknown_scope_opens_nothing() -> None:
    assert not allows({"admin", "", "ALL"}, "POST", b"/v1/messages")


def test_a_new_key_opens_what_claude_code_needs() -> None:
    assert sorted(DEFAULT_SCOPES) == ["count_tokens", "messages", "models"]
    assert DEFAULT_SCOPES <= SCOPES
