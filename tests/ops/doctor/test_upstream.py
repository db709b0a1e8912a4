"""The way to the upstream: refused, unknown, unreachable, untrusted, through a proxy, at another time."""

import socket
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from ops.clock import utc_now
from ops.doctor import upstream
from ops.doctor.findings import Verdict
from tests.certificates import identity
from tests.doctored import patient
from tests.fake_upstream import Script, fake_upstream, fixed


@pytest.mark.parametrize(
    ("url", "allow", "verdict"),
    [
        ("https://api.anthropic.com", (), Verdict.OK),
        ("http://127.0.0.1:9", (), Verdict.WARNING),
        ("https://10.1.2.3", (), Verdict.PROBLEM),
        ("https://10.1.2.3", ("10.1.2.3",), Verdict.OK),
        ("https://user:hidden@api.example.com", (), Verdict.PROBLEM),
    ],
)
async def test_where_requests_may_go(tmp_path: Path, url: str, allow: tuple[str, ...], verdict: Verdict) -> None:
    found = await upstream.allowed(patient(tmp_path, upstream_url=url, allow_upstream=allow))
    assert found.verdict is verdict
    assert bool(found.mend) is (verdict is not Verdict.OK)
    assert "hidden" not in found.finding + found.mend


async def test_an_upstream_that_is_not_allowed_is_not_asked(tmp_path: Path) -> None:
    one = patient(tmp_path, upstream_url="https://10.1.2.3")
    assert (await upstream.reach(one)).finding == "not asked: the upstream is not allowed"
    assert "not compared" in (await upstream.clock(one)).finding


async def test_an_upstream_that_answers_gets_no_credential(tmp_path: Path) -> None:
    async with fake_upstream(fixed(b"", b"404 Not Found")) as fake:
        found = await upstream.reach(patient(tmp_path, upstream_url=fake.url))
        assert found.finding == f"{fake.url} answers"
        (asked,) = fake.requests
    assert (asked.method, asked.target, asked.body) == ("HEAD", b"/", b"")
    assert not {name.lower() for name, _ in asked.lines} & {b"authorization", b"x-api-key", b"cookie"}


async def test_an_upstream_that_is_ill_is_told_from_one_that_is_not_reached(tmp_path: Path) -> None:
    async with fake_upstream(fixed(b"", b"503 Service Unavailable")) as fake:
        found = await upstream.reach(patient(tmp_path, upstream_url=fake.url))
    assert (found.verdict, "answers 503" in found.finding) == (Verdict.WARNING, True)
    refused = await upstream.reach(patient(tmp_path, upstream_url=fake.url))
    assert (refused.verdict, "connection refused" in refused.finding) == (Verdict.PROBLEM, True)


async def test_a_machine_that_is_offline_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "offline")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    one = patient(tmp_path, upstream_url="https://api.anthropic.com")
    found = await upstream.reach(one)
    assert found.finding == "https://api.anthropic.com is not reached: name not resolved"
    assert found.mend.startswith("Is this machine online")
    assert (await upstream.clock(one)).verdict is Verdict.OK


async def test_certificates_are_checked_with_those_that_are_set(tmp_path: Path) -> None:
    async with fake_upstream(fixed(b""), ssl=identity().server_context(tmp_path)) as fake:
        url = fake.url.replace("http://", "https://")
        bare = await upstream.reach(patient(tmp_path, upstream_url=url))
        assert (bare.verdict, "SSL_CERT_FILE" in bare.mend) == (Verdict.PROBLEM, True)
        trusted = patient(tmp_path, upstream_url=url, ca_file=identity().write(tmp_path))
        assert (await upstream.reach(trusted)).verdict is Verdict.OK


async def test_a_proxy_that_is_set_is_taken_and_its_password_not_shown(tmp_path: Path) -> None:
    async with fake_upstream(fixed(b"")) as proxy:
        through = SecretStr(proxy.url.replace("http://", "http://user:hidden@"))
        one = patient(tmp_path, upstream_url="http://localhost:9", upstream_proxy=through)
        found = await upstream.reach(one)
        assert found.finding == "http://localhost:9 answers through the proxy"
        assert proxy.requests[0].target == b"http://localhost:9/"
    gone = await upstream.reach(one)
    assert (gone.verdict, "proxy not reachable" in gone.finding) == (Verdict.PROBLEM, True)
    assert "hidden" not in gone.finding + gone.mend


def dated(skew_s: float) -> Script:
    at = format_datetime(utc_now() + timedelta(seconds=skew_s), usegmt=True)
    return fixed(b"", b"200 OK", (b"Date", at.encode()))


@pytest.mark.parametrize(
    ("skew_s", "verdict", "words"),
    [
        (0, Verdict.OK, "agrees"),
        (30, Verdict.WARNING, "behind the upstream's"),
        (-30, Verdict.WARNING, "ahead of the upstream's"),
        (3600, Verdict.PROBLEM, "behind the upstream's"),
    ],
)
async def test_the_clock(tmp_path: Path, skew_s: float, verdict: Verdict, words: str) -> None:
    async with fake_upstream(dated(skew_s)) as fake:
        found = await upstream.clock(patient(tmp_path, upstream_url=fake.url))
    assert found.verdict is verdict
    assert words in found.finding


@pytest.mark.parametrize("lines", [[], [(b"Date", b"yesterday, late")]])
async def test_an_upstream_that_does_not_say_the_time(tmp_path: Path, lines: list[tuple[bytes, bytes]]) -> None:
    async with fake_upstream(fixed(b"", b"200 OK", *lines)) as fake:
        found = await upstream.clock(patient(tmp_path, upstream_url=fake.url))
    assert found.finding == "not compared: the upstream does not say the time"
