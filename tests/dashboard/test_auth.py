"""Keys, links and cookies: the right one opens, everything else does not, and a wrong one is counted."""

import asyncio

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Request, Response
from hypothesis import given
from hypothesis import strategies as st

from dashboard.auth import Gatekeeper, OneTimeLink, SecretWord, SessionCookie
from dashboard.refusals import RefusedError
from dashboard.security import addresses_of
from dashboard.sessions import Sessions
from dashboard.throttle import Throttle

KEY = "the right key"
ADDRESSES = addresses_of(["127.0.0.1"], ["https://nexus.example"])
COOKIE = SessionCookie(ADDRESSES, 3001)


class Time:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_a_secret_word_is_itself_alone(word: str, offered: str) -> None:
    try:
        secret = SecretWord(word)
        same = secret.is_this(offered)
    except UnicodeEncodeError:
        return
    assert same == (word == offered)


def test_an_empty_word_opens_nothing() -> None:
    assert not SecretWord("").is_this("")


def test_bytes_that_are_no_text_are_compared_too() -> None:
    assert not SecretWord(KEY).is_this("\udcff\udc80")


def test_a_link_opens_once() -> None:
    link = OneTimeLink("w", Time(), 60.0)
    assert [link.use("x"), link.use(""), link.use("w"), link.use("w")] == [False, False, True, False]


def test_a_link_opens_in_its_time_only() -> None:
    time = Time()
    link = OneTimeLink("w", time, 60.0)
    time.now = 60.0
    assert not link.use("w")
    time.now = 59.9
    assert link.use("w")


def request(host: str = "localhost:3001", **headers: str) -> Request:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return make_mocked_request("GET", "/", headers={"Host": host, **sent})


@pytest.mark.parametrize(
    ("host", "name", "secure"), [("localhost:3001", "nexus-3001", False), ("nexus.example", "__Host-nexus", True)]
)
def test_the_cookie_is_for_this_server_alone(host: str, name: str, secure: bool) -> None:
    response = Response()
    COOKIE.give(request(host), response, "the-id")
    morsel = response.cookies[name]
    assert morsel.value == "the-id"
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Strict", "/")
    assert bool(morsel["secure"]) == secure
    assert morsel["domain"] == ""


def test_the_cookie_is_read_under_its_name_only() -> None:
    assert COOKIE.read(request(Cookie="nexus-3001=a; nexus-3002=b; __Host-nexus=c")) == "a"
    assert COOKIE.read(request("nexus.example", Cookie="nexus-3001=a; __Host-nexus=c")) == "c"
    assert COOKIE.read(request()) is None


def test_the_cookie_is_taken_back_as_it_was_given() -> None:
    response = Response()
    COOKIE.take_back(request("nexus.example"), response)
    morsel = response.cookies["__Host-nexus"]
    assert (morsel.value, morsel["max-age"], morsel["path"], morsel["secure"]) == ("", "0", "/", True)


@pytest.fixture
def sessions() -> Sessions:
    words = iter(f"word-{n}" for n in range(1000))
    return Sessions(Time(), lambda: next(words), idle_s=100, total_s=1000)


@pytest.fixture
def gatekeeper(sessions: Sessions) -> Gatekeeper:
    return Gatekeeper(SecretWord(KEY), sessions, COOKIE, Throttle(Time()))


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Nexus_Key": KEY},
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer   {KEY} "},
        {"X_Nexus_Key": KEY, "Authorization": "Bearer other"},
        {"X_Nexus_Key": KEY, "Cookie": "nexus-3001=unknown"},
    ],
)
async def test_the_key_opens_the_api(gatekeeper: Gatekeeper, headers: dict[str, str]) -> None:
    await gatekeeper.check_api(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X_Nexus_Key": ""},
        {"X_Nexus_Key": KEY + "x"},
        {"X_Nexus_Key": KEY.upper()},
        {"X_Nexus_Key": "wrong", "Authorization": f"Bearer {KEY}"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Cookie": "nexus-3001=word-0x"},
        {"Cookie": f"nexus-3001={KEY}"},
    ],
)
async def test_nothing_else_does(gatekeeper: Gatekeeper, sessions: Sessions, headers: dict[str, str]) -> None:
    sessions.begin()
    with pytest.raises(RefusedError) as caught:
        await gatekeeper.check_api(request(**headers))
    assert caught.value.status == 401
    assert caught.value.headers["WWW-Authenticate"].startswith("Bearer")
    assert KEY not in caught.value.message


async def test_a_session_opens_the_api_but_not_beside_a_wrong_key(gatekeeper: Gatekeeper, sessions: Sessions) -> None:
    session_id, _ = sessions.begin()
    cookie = f"nexus-3001={session_id}"
    await gatekeeper.check_api(request(Cookie=cookie))
    with pytest.raises(RefusedError):
        await gatekeeper.check_api(request(Cookie=cookie, X_Nexus_Key="wrong"))


async def test_an_ended_session_opens_nothing(gatekeeper: Gatekeeper, sessions: Sessions) -> None:
    session_id, session = sessions.begin()
    sessions.end(session)
    assert gatekeeper.session(request(Cookie=f"nexus-3001={session_id}")) is None


@pytest.mark.bar(67)
async def test_who_guesses_too_much_at_once_is_sent_away_and_the_right_key_never_waits(gatekeeper: Gatekeeper) -> None:
    async def guess() -> int:
        try:
            await gatekeeper.check_api(request(X_Nexus_Key="wrong"))
        except RefusedError as refused:
            return refused.status
        return 200

    async with asyncio.TaskGroup() as tasks:
        guesses = [tasks.create_task(guess()) for _ in range(50)]
        await asyncio.sleep(0)
        statuses = [guess.result() for guess in guesses if guess.done()]
        assert statuses.count(401) == 5
        assert statuses.count(429) == 37
        async with asyncio.timeout(0.05):
            await gatekeeper.check_api(request(X_Nexus_Key=KEY))
        for task in guesses:
            task.cancel()
