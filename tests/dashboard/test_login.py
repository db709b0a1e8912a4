"""Logging in and out, as a browser does it, and as somebody else would like it to be done."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.login import HOME, local_path, see_other
from dashboard.throttle import FREE_TRIES, MOST_WAITING_EACH
from tests.running_front import KEY, Answer, Browser, RunningFront, running_front
from tests.waiting import until

FORM = "application/x-www-form-urlencoded"
NO_WAYS_ON = ["", "x", "//x", "/\\x", "\\/x", "/a b", "/\n", "/\x00", "http:x", "javascript:x", "/login", "/logout?x"]


@pytest.fixture
async def front() -> AsyncIterator[RunningFront]:
    async with running_front() as front:
        yield front


@pytest.fixture
async def browser(front: RunningFront) -> AsyncIterator[Browser]:
    async with front.browser() as browser:
        yield browser


async def is_in(browser: Browser) -> bool:
    return (await browser.ask("/")).status == 200


async def test_the_key_logs_in(browser: Browser) -> None:
    answer = await browser.log_in()
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    cookie = browser.cookies()[f"nexus-{browser.port}"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert len(cookie.value) >= 32
    assert await is_in(browser)


async def test_a_wrong_key_is_told_so_and_does_not(browser: Browser) -> None:
    answer = await browser.log_in(key="wrong")
    assert answer.status == 401
    assert "not the dashboard&#39;s key" in answer.text
    assert 'name="key"' in answer.text  # and he may try again
    assert f"nexus-{browser.port}" not in browser.cookies()
    assert not await is_in(browser)


async def test_a_form_that_failed_can_be_sent_again(browser: Browser) -> None:
    answer = await browser.log_in(key="wrong")
    found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
    assert found
    assert (await browser.ask("/login", "POST", data={"csrf": found[1], "key": KEY})).status == 303


async def test_the_link_logs_in_once(front: RunningFront, browser: Browser) -> None:
    page = await browser.ask(front.link)
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert page.status == 200
    assert token
    assert csrf
    assert not await is_in(browser)  # to look at it uses nothing up
    form = {"csrf": csrf[1], "token": token[1], "next": "/"}
    assert (await browser.ask("/login", "POST", data=form)).status == 303
    assert await is_in(browser)
    async with front.browser() as other:
        again = await other.ask("/login", "POST", data={**await other.form(front.link), "token": token[1]})
        assert again.status == 401
        assert "used before" in again.text
        assert not await is_in(other)


async def test_a_link_ends() -> None:
    async with running_front(link_s=0.0) as front, front.browser() as browser:
        token = front.link.partition("token=")[2]
        assert (
            await browser.ask("/login", "POST", data={**await browser.form("/login"), "token": token})
        ).status == 401


async def test_a_wrong_token_does_not_fall_back_to_the_key(browser: Browser) -> None:
    assert (await browser.log_in(token="wrong")).status == 401


@pytest.mark.parametrize("fields", [{}, {"csrf": ""}, {"csrf": "0" * 64}])
@pytest.mark.bar(64)
async def test_a_form_that_is_not_ours_is_refused(browser: Browser, fields: dict[str, str]) -> None:
    await browser.ask("/login")
    answer = await browser.ask("/login", "POST", data={"key": KEY, **fields})
    assert answer.status == 403
    assert not await is_in(browser)


@pytest.mark.bar(64)
async def test_the_form_of_another_browser_is_refused(front: RunningFront, browser: Browser) -> None:
    """So nobody can log a user in as himself."""
    async with front.browser() as attacker:
        form = await attacker.form("/login")
    await browser.ask("/login")
    assert (await browser.ask("/login", "POST", data={**form, "key": KEY})).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.bar(64)
async def test_a_form_on_another_page_is_refused(browser: Browser, headers: dict[str, str]) -> None:
    form = await browser.form("/login")
    assert (await browser.ask("/login", "POST", data={**form, "key": KEY}, headers=headers)).status == 403
    fine = {"Origin": browser.origin, "Sec-Fetch-Site": "same-origin"}
    assert (await browser.ask("/login", "POST", data={**form, "key": KEY}, headers=fine)).status == 303


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/requests?status=500&q=ä b", "/requests?status=500&q=%C3%A4%20b"),
        ("/conversations/x", "/conversations/x"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/login?next=/login", "/"),
    ],
)
async def test_it_goes_on_where_the_user_wanted_to(browser: Browser, wanted: str, path: str) -> None:
    answer = await browser.log_in(next=wanted.replace(" ", "%20"))
    assert answer.headers["Location"] == path


@given(st.text(max_size=30) | st.text("/\\:.@?#%ehtps", max_size=12))
def test_the_way_on_never_leaves_this_server(wanted: str) -> None:
    from yarl import URL

    path = local_path(wanted)
    assert path in {wanted, HOME}
    location = see_other(path).headers["Location"]
    assert location.isascii()
    assert location.isprintable()
    assert URL("http://localhost:3001/x").join(URL(location, encoded=True)).authority == "localhost:3001"


@pytest.mark.parametrize("wanted", NO_WAYS_ON)
def test_what_is_no_way_on_leads_home(wanted: str) -> None:
    assert local_path(wanted) == HOME


async def test_who_is_in_needs_no_form(front: RunningFront) -> None:
    async with front.logged_in() as browser:
        answer = await browser.ask("/login?next=/requests")
        assert (answer.status, answer.headers["Location"]) == (303, "/requests")


async def test_a_new_login_has_a_new_session_and_ends_the_one_before(front: RunningFront) -> None:
    async with front.logged_in() as browser:
        name = f"nexus-{browser.port}"
        first = browser.cookies()[name].value
        form = await browser.form("/login?token=x")
        await browser.ask("/login", "POST", data={**form, "key": KEY})
        second = browser.cookies()[name].value
        assert first != second
        async with front.browser() as other:
            assert (await other.ask("/", headers={"Cookie": f"{name}={first}"})).status == 302
            assert (await other.ask("/", headers={"Cookie": f"{name}={second}"})).status == 200


async def test_a_session_id_of_somebody_elses_choice_is_not_taken(browser: Browser) -> None:
    name = f"nexus-{browser.port}"
    form = await browser.form("/login")
    cookies = "; ".join(f"{key}={morsel.value}" for key, morsel in browser.cookies().items())
    answer = await browser.ask(
        "/login", "POST", data={**form, "key": KEY}, headers={"Cookie": f"{cookies}; {name}=chosen"}
    )
    assert answer.status == 303
    assert browser.cookies()[name].value != "chosen"


@pytest.mark.bar(64)
async def test_logging_out_takes_a_form_of_this_session(front: RunningFront) -> None:
    async with front.logged_in() as browser, front.logged_in() as other:
        assert (await browser.ask("/logout")).status == 200
        assert await is_in(browser)
        for fields in ({}, {"csrf": "x"}, await other.form("/logout")):
            assert (await browser.ask("/logout", "POST", data=fields)).status == 403
        assert await is_in(browser)
        answer = await browser.ask("/logout", "POST", data=await browser.form("/logout"))
        assert (answer.status, answer.headers["Location"]) == (303, "/login")
        assert f"nexus-{browser.port}" not in browser.cookies()
        assert not await is_in(browser)
        assert await is_in(other)


async def test_an_old_cookie_opens_nothing_after_the_logout(front: RunningFront) -> None:
    async with front.logged_in() as browser, front.browser() as thief:
        name = f"nexus-{browser.port}"
        stolen = {"Cookie": f"{name}={browser.cookies()[name].value}"}
        assert (await thief.ask("/api/requests", headers=stolen)).status == 200
        await browser.ask("/logout", "POST", data=await browser.form("/logout"))
        assert (await thief.ask("/api/requests", headers=stolen)).status == 401


async def test_the_page_knows_the_word_for_its_logout_form(front: RunningFront) -> None:
    async with front.logged_in() as browser:
        await browser.ask("/requests")
        word = front.worker.requests[-1].headers["X-Nexus-Csrf"]
        assert (await browser.ask("/logout", "POST", data={"csrf": word})).status == 303


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": "key=x", "headers": {"Content-Type": "text/plain"}}, 400),
        ({"json": {"key": "x"}}, 400),
        (
            {"data": b"\xff=\xff", "headers": {"Content-Type": "application/x-www-form-urlencoded; charset=no-such"}},
            400,
        ),
        ({"data": {"key": "x" * 20_000}}, 413),
    ],
)
async def test_what_is_no_small_form_is_refused(browser: Browser, sent: dict[str, object], status: int) -> None:
    assert (await browser.ask("/login", "POST", **sent)).status == status  # type: ignore[arg-type]  # by the table


async def test_a_form_that_does_not_come_is_not_waited_for(
    front: RunningFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.forms._DEADLINE_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    head = f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nContent-Length: 9\r\n\r\n"
    writer.write(head.encode() + b"key")
    async with asyncio.timeout(10):
        assert b" 400 " in await reader.readline()
    writer.close()


@pytest.mark.bar(64)
async def test_nothing_is_posted_from_elsewhere_whatever_it_is(front: RunningFront) -> None:
    """Every route that takes a form, with its right form, from another page; and nothing else logs out."""
    async with front.logged_in() as browser:
        form = await browser.form("/logout")
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            for path in ("/login", "/logout", "/csp-report", "/", "/api/requests"):
                answer = await browser.ask(path, "POST", data={**form, "key": KEY}, headers=headers)
                assert answer.status == 403, (path, headers)
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert (await browser.ask(f"/logout?csrf={form['csrf']}", method, data=form)).status in {200, 405}
        assert await is_in(browser)


@pytest.mark.bar(67)
async def test_an_address_is_the_connections_whatever_a_request_says_of_it(browser: Browser) -> None:
    """``X-Forwarded-For`` and its like are anybody's word: who changes them for each guess waits all the same."""
    answers = list[int]()
    guesses = list[asyncio.Task[Answer]]()
    async with asyncio.TaskGroup() as tasks:
        for n in range(FREE_TRIES + MOST_WAITING_EACH + 4):
            said = f"203.0.113.{n}"
            headers = {"X-Forwarded-For": said, "X-Real-IP": said, "Forwarded": f"for={said}", "X-Nexus-Key": f"no-{n}"}
            guess = tasks.create_task(browser.ask("/api/requests", headers=headers))
            guess.add_done_callback(lambda one: None if one.cancelled() else answers.append(one.result().status))
            guesses.append(guess)
            if n < FREE_TRIES:
                await guess
        await until(lambda: answers.count(429) == 4, "the guesses that are told so at once")
        assert answers == [401] * FREE_TRIES + [429] * 4, "and the others wait"
        for guess in guesses:
            guess.cancel()


@pytest.mark.bar(67)
async def test_many_wrong_keys_slow_nobody_else(front: RunningFront) -> None:
    async with front.browser() as attacker, front.logged_in() as user, front.browser() as late:
        form = await attacker.form("/login")
        async with asyncio.TaskGroup() as tasks:
            work = [attacker.ask("/login", "POST", data={**form, "key": f"no-{n}"}) for n in range(60)]
            guesses = [tasks.create_task(one) for one in work]
            loop = asyncio.get_running_loop()
            began = loop.time()
            for _ in range(20):
                assert (await user.ask("/api/requests")).status == 200
            assert (await late.log_in()).status == 303
            assert (await late.ask("/api/requests", headers={"X-Nexus-Key": KEY})).status == 200
            assert loop.time() - began < 2.0
            done, _ = await asyncio.wait(guesses, timeout=0.3)
            for task in guesses:
                task.cancel()
        statuses = [task.result().status for task in done if not task.cancelled()]
        assert set(statuses) == {401, 429}
        assert statuses.count(429) > 40
