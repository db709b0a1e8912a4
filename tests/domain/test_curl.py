"""A shell that reads the command finds exactly the request that was recorded, and never a credential."""

import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.curl import MOST_INLINE_BYTES, Asked, curl, url_of
from domain.redaction import SECRET_HEADERS, KeptHeader, header_fact
from tests.hostile_text import HOSTILE

FILE = "0001.request"
KEY = "x-api-key: $ANTHROPIC_API_KEY"
names = st.from_regex(re.compile(r"x-[a-z-]{1,12}"), fullmatch=True)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    [text for text in HOSTILE if "\0" not in text]
)
headers = st.lists(st.tuples(names, texts.filter(str.strip)), max_size=5)


@dataclass
class Parsed:
    """What a shell hands over to curl."""

    method: str
    url: str
    headers: list[str]
    flags: list[str]
    raw: str | None = None
    binary: str | None = None


def parsed(text: str) -> Parsed:
    program, *words = shlex.split(text)
    assert program == "curl"
    found = Parsed("", "", [], [])
    rest = iter(words)
    for word in rest:
        match word:
            case "--request":
                found.method = next(rest)
            case "--header":
                found.headers.append(next(rest))
            case "--data-raw":
                found.raw = next(rest)
            case "--data-binary":
                found.binary = next(rest)
            case "--head":
                found.method = "HEAD"
            case "--compressed" | "--globoff" | "--path-as-is":
                found.flags.append(word)
            case url:
                assert not found.url
                found.url = url
    return found


def asked(
    *lines: tuple[str, str | None],
    body: bytes | None = b"{}",
    exact: bool = True,
    method: str = "POST",
    target: str = "/v1/messages",
) -> Asked:
    """With a type and a host, and what else is given."""
    every = (("Host", "127.0.0.1:8082"), ("Content-Type", "application/json"), *lines)
    kept = [KeptHeader(name, value) for name, value in every]
    return Asked(method=method, target=target, headers=kept, body=body, exact=exact)


@given(headers, texts, texts)
@example([], "@/etc/passwd", "/v1/messages?a='b' c")
@example([], 'it\'s "quoted" $HOME `id` \\ \n é 😀', "/")
def test_a_shell_gives_back_the_request(lines: list[tuple[str, str]], body: str, target: str) -> None:
    request = asked(*lines, body=body.encode(), target=target)
    found = parsed(curl(request, FILE).text)
    assert (found.method, found.url) == ("POST", f"http://127.0.0.1:8082{target}")
    assert found.headers == ["Content-Type: application/json", *(f"{name}: {value}" for name, value in lines)]
    assert (found.raw, found.binary) == (body, None)


@given(texts)
def test_a_real_shell_reads_the_same(body: str) -> None:
    line = curl(asked(("x-a", "1"), body=body.encode()), FILE).text
    script = f"curl() {{ printf '%s\\0' \"$@\"; }}\n{line}"
    told = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, env={}).stdout
    assert told.decode().split("\0")[:-1] == shlex.split(line)[1:]


@given(st.binary(max_size=80), st.booleans())
def test_what_is_no_known_text_is_never_put_into_the_line(body: bytes, exact: bool) -> None:
    """Oracle: text without zeros goes in, everything else comes from the file."""
    command = curl(asked(body=body, exact=exact), FILE)
    found = parsed(command.text)
    text = body.decode(errors="replace")
    fits = exact and "\0" not in text and text.encode() == body
    assert command.needs_file == (not fits)
    assert (found.raw, found.binary) == ((text, None) if fits else (None, f"@{FILE}"))


@pytest.mark.parametrize("more", [0, 1])
def test_a_long_body_comes_from_a_file(more: int) -> None:
    command = curl(asked(body=b"x" * (MOST_INLINE_BYTES + more)), FILE)
    assert command.needs_file == bool(more)


def test_without_a_body_there_is_none() -> None:
    found = parsed(curl(asked(body=None, method="GET"), FILE).text)
    assert (found.method, found.raw, found.binary) == ("GET", None, None)
    assert parsed(curl(asked(body=None, method="HEAD"), FILE).text).method == "HEAD"


@given(st.sampled_from(sorted(SECRET_HEADERS)), st.text("abcXYZ019", min_size=12, max_size=40))
def test_no_credential_is_in_the_line(name: str, secret: str) -> None:
    """However it was recorded: with its value, which never happens, or without."""
    for value in (secret, header_fact(name, secret, b"key").value):
        text = curl(asked((name.title(), value)), FILE).text
        assert secret not in text
        assert name not in {one.partition(":")[0].lower() for one in parsed(text).headers} - {"x-api-key"}


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "Anthropic-Api-Key"])
def test_the_environment_has_the_credential(name: str) -> None:
    command = curl(asked((name, None)), FILE)
    assert parsed(command.text).headers[-1] == KEY
    assert command.text.count(f'"{KEY}"') == 1
    assert command.signs
    assert command.left_out == ()


def test_two_credentials_are_one() -> None:
    assert parsed(curl(asked(("Authorization", None), ("x-api-key", None)), FILE).text).headers[1:] == [KEY]


def test_who_sent_no_credential_sends_none() -> None:
    command = curl(asked(("Cookie", None)), FILE)
    assert KEY not in parsed(command.text).headers
    assert not command.signs


def test_what_concerns_one_connection_and_what_curl_says_itself_is_left_out() -> None:
    lines = ["Connection", "Keep-Alive", "TE", "Transfer-Encoding", "Upgrade", "Content-Length", "Expect", "Trailer"]
    command = curl(asked(*((name, "x") for name in lines)), FILE)
    assert parsed(command.text).headers == ["Content-Type: application/json"]
    assert command.left_out == ()


def test_curl_says_what_it_can_unpack() -> None:
    found = parsed(curl(asked(("Accept-Encoding", "gzip, br, zstd")), FILE).text)
    assert (found.headers, found.flags) == (["Content-Type: application/json"], ["--compressed"])


def test_headers_that_were_not_kept_are_named() -> None:
    command = curl(asked(("x-custom", None), ("bad name", "x"), ("Cookie", None)), FILE)
    assert command.left_out == ("x-custom", "bad name")
    assert parsed(command.text).headers == ["Content-Type: application/json"]


def test_an_empty_header_is_sent_empty() -> None:
    """``name:`` would take it out."""
    assert parsed(curl(asked(("x-empty", "")), FILE).text).headers[-1] == "x-empty;"


def test_a_body_of_no_type_gets_none() -> None:
    request = Asked(method="POST", target="/", headers=[KeptHeader("Host", "h:1")], body=b"{}")
    assert parsed(curl(request, FILE).text).headers == ["content-type:"]


@pytest.mark.parametrize(
    ("target", "flags"),
    [
        ("/a", []),
        ("/a?b=[1-3]", ["--globoff"]),
        ("/{a}/../b", ["--globoff", "--path-as-is"]),
        ("/./a", ["--path-as-is"]),
    ],
)
def test_curl_leaves_the_address_alone(target: str, flags: Sequence[str]) -> None:
    assert parsed(curl(asked(target=target), FILE).text).flags == flags


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1:8082", "http://127.0.0.1:8082/x"),
        ("[::1]:8082", "http://[::1]:8082/x"),
        ("LocalHost", "http://LocalHost/x"),
        ("nexus.example.org", "https://nexus.example.org/x"),
        (None, "http://localhost/x"),
    ],
)
def test_the_address_is_where_the_client_called(host: str | None, url: str) -> None:
    assert url_of(Asked(method="POST", target="/x", headers=[KeptHeader("HOST", host)], body=None)) == url
