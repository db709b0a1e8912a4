"""The stand-in's API, asked by the client SDK where that is possible, and over plain HTTP where it is not."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anthropic
import msgspec
import pytest
from aiohttp import ClientSession
from anthropic.types import TextBlock

from ops.demo.answers import Answer, Fails, Says, Script
from ops.demo.blocks import Text, Thinking, ToolUse, raw
from ops.demo.ids import Ids
from ops.demo.pace import FAST
from ops.demo.stand_in import MODELS, StandIn, serving

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MESSAGES = [{"role": "user", "content": "Hi"}]
BODY = json.dumps({"model": "claude-opus-5-5", "max_tokens": 100, "messages": MESSAGES}).encode()
STREAMED = json.dumps({"model": "claude-opus-5-5", "max_tokens": 100, "messages": MESSAGES, "stream": True}).encode()
LONG = "A long answer that is cut into many pieces before it is through. " * 20


@asynccontextmanager
async def api(body: bytes = b"", answer: Answer | None = None) -> AsyncIterator[tuple[ClientSession, str]]:
    script = Script()
    async with (
        serving(StandIn(script, FAST, Ids("x"), lambda: NOW)) as url,
        ClientSession(auto_decompress=False) as http,
    ):
        if answer is None:
            yield http, url
            return
        with script.expecting(body, answer):
            yield http, url


@pytest.fixture
async def sdk() -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with api() as (_, url), anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0) as client:
        yield client


async def test_the_sdk_lists_models(sdk: anthropic.AsyncAnthropic) -> None:
    assert [model.id async for model in sdk.models.list()] == list(MODELS)


async def test_the_sdk_counts_tokens(sdk: anthropic.AsyncAnthropic) -> None:
    async def count(words: str) -> int:
        counted = await sdk.messages.count_tokens(
            model="claude-opus-5-5", messages=[{"role": "user", "content": words}]
        )
        return counted.input_tokens

    assert 0 < await count("a") < await count("a" * 400)


async def test_what_is_not_in_the_script_is_answered_too(sdk: anthropic.AsyncAnthropic) -> None:
    message = await sdk.messages.create(model="any", max_tokens=10, messages=[{"role": "user", "content": "Hi"}])
    (block,) = message.content
    assert isinstance(block, TextBlock)
    assert "demo" in block.text
    async with sdk.messages.stream(model="any", max_tokens=10, messages=[{"role": "user", "content": "Hi"}]) as stream:
        assert await stream.get_final_text() == block.text


async def test_a_streamed_answer_is_what_the_script_says() -> None:
    content = (Thinking("hm", "sig"), Text(LONG), ToolUse("toolu_1", "Bash", raw({"command": "ls"})))
    async with api(STREAMED, Says(content, "tool_use")) as (http, url):
        async with http.post(f"{url}/v1/messages?beta=true", data=STREAMED) as response:
            body = await response.read()
        assert response.status == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert body.count(b"event: content_block_delta") > 20
    assert body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


async def test_a_whole_answer_is_compressed_for_whoever_takes_that() -> None:
    async with api(BODY, Says((Text(LONG),))) as (http, url):
        async with http.post(f"{url}/v1/messages", data=BODY, headers={"accept-encoding": "gzip, br"}) as response:
            packed = await response.read()
        async with http.post(f"{url}/v1/messages", data=BODY, headers={"accept-encoding": "br"}) as plain:
            unpacked = await plain.read()
    assert response.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    one, other = json.loads(gzip.decompress(packed)), json.loads(unpacked)
    assert one["content"] == other["content"] == [{"type": "text", "text": LONG}]
    assert one["id"] != other["id"]
    assert one["stop_reason"] == "end_turn"


async def test_every_answer_has_an_id_and_the_limits() -> None:
    async with api() as (http, url):
        seen = set()
        for method, path in (("GET", "/v1/models"), ("POST", "/v1/messages"), ("GET", "/nowhere")):
            async with http.request(method, url + path, data=BODY if method == "POST" else None) as response:
                seen.add(response.headers["request-id"])
                assert "anthropic-ratelimit-requests-remaining" in response.headers
        assert len(seen) == 3
        async with http.get(f"{url}/v1/models", headers={"authorization": "Bearer t"}) as response:
            assert response.headers["anthropic-ratelimit-unified-status"] == "allowed"


async def test_limits_go_down_for_each_credential_alone() -> None:
    async def left(http: ClientSession, url: str, key: str) -> str:
        async with http.post(f"{url}/v1/messages", data=BODY, headers={"x-api-key": key}) as response:
            return response.headers["anthropic-ratelimit-requests-remaining"]

    async with api() as (http, url):
        assert [await left(http, url, key) for key in ("a", "a", "b")] == ["3999", "3998", "3999"]


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"messages": 3}', b"\xff", b'{"messages": []}', b""])
async def test_what_is_no_request_is_an_error_of_the_api(data: bytes) -> None:
    async with api() as (http, url), http.post(f"{url}/v1/messages", data=data) as response:
        envelope = await response.json()
    assert response.status == 400
    assert (envelope["type"], envelope["error"]["type"]) == ("error", "invalid_request_error")
    assert envelope["request_id"] == response.headers["request-id"]


async def test_counting_what_is_no_request_is_an_error_too() -> None:
    async with api() as (http, url), http.post(f"{url}/v1/messages/count_tokens", data=b"{") as response:
        assert response.status == 400


async def test_an_unknown_path_is_not_found_and_head_is_fine_everywhere() -> None:
    async with api() as (http, url):
        async with http.put(f"{url}/v1/whatever", data=b"x") as response:
            assert (response.status, (await response.json())["error"]["type"]) == (404, "not_found_error")
        for path in ("/", "/api/hello"):
            async with http.head(url + path) as response:
                assert response.status == 200


async def test_a_scripted_error_has_its_status_headers_and_envelope() -> None:
    fails = Fails(529, "overloaded_error", "Overloaded", {"retry-after": "2", "x-should-retry": "true"})
    async with api(BODY, fails) as (http, url), http.post(f"{url}/v1/messages", data=BODY) as response:
        envelope = await response.json()
    assert (response.status, response.headers["retry-after"]) == (529, "2")
    assert envelope["error"] == {"type": "overloaded_error", "message": "Overloaded"}


async def test_a_broken_stream_ends_with_an_error_event() -> None:
    says = Says((Text(LONG),), breaks_after=5)
    async with api(STREAMED, says) as (http, url), http.post(f"{url}/v1/messages", data=STREAMED) as response:
        body = await response.read()
    events = [line.removeprefix(b"event: ") for line in body.splitlines() if line.startswith(b"event: ")]
    assert events.count(b"content_block_delta") == 5
    assert events[-1] == b"error"
    assert b"message_stop" not in body


async def test_a_held_stream_is_silent_until_its_client_leaves_and_costs_nobody_anything() -> None:
    async with api(STREAMED, Says((Text(LONG),), holds_after=4)) as (http, url):
        async with http.post(f"{url}/v1/messages", data=STREAMED) as response:
            got = b""
            while got.count(b"event: content_block_delta") < 4:
                got += await response.content.readany()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    got += await response.content.readany()
        assert got.count(b"event: content_block_delta") == 4
        async with http.post(f"{url}/v1/messages", data=BODY) as after:
            assert after.status == 200


async def test_the_cache_is_billed_from_request_to_request() -> None:
    def body(*texts: str) -> bytes:
        blocks = [{"type": "text", "text": text} for text in texts]
        marked = [*blocks[:-1], {**blocks[-1], "cache_control": {"type": "ephemeral"}}]
        return json.dumps({"model": "m", "messages": [{"role": "user", "content": marked}]}).encode()

    async def usage(http: ClientSession, url: str, data: bytes) -> dict[str, int]:
        async with http.post(f"{url}/v1/messages", data=data) as response:
            found: dict[str, int] = msgspec.json.decode(await response.read())["usage"]
            return found

    async with api() as (http, url):
        first = await usage(http, url, body("a" * 400))
        second = await usage(http, url, body("a" * 400, "b" * 40))
    assert first["cache_read_input_tokens"] == 0
    assert second["cache_read_input_tokens"] == first["cache_creation_input_tokens"] > 0
    assert second["output_tokens"] > 0
