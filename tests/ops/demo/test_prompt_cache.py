"""The prompt cache: the longest known beginning is read, the rest up to the last mark is written."""

from typing import Any

import msgspec
import pytest

from ops.demo.prompt_cache import PromptCache, SeenBody, prompt_tokens, tokens_of

MARK = {"type": "ephemeral"}


def text(words: str, **more: object) -> dict[str, object]:
    return {"type": "text", "text": words, **more}


def body(*messages: Any, system: Any = (), **more: Any) -> SeenBody:
    said = [{"role": role, "content": content} for role, content in messages]
    return msgspec.json.decode(
        msgspec.json.encode({"model": "m", "messages": said, "system": list(system), **more}), type=SeenBody
    )


def bill(cache: PromptCache, seen: SeenBody, **more: bool) -> tuple[int, int, int]:
    usage = cache.usage(seen, 7, **more)
    assert usage.output_tokens == 7
    return usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens


FIRST = body(("user", [text("a" * 400, cache_control=MARK)]))
SECOND = body(("user", "a" * 400), ("assistant", [text("b" * 80)]), ("user", [text("c" * 120, cache_control=MARK)]))


def test_without_marks_everything_is_plain_input() -> None:
    cache = PromptCache()
    seen = body(("user", "a" * 400))
    assert bill(cache, seen) == bill(cache, seen) == (prompt_tokens(seen), 0, 0)


def test_the_first_request_writes_and_the_next_one_reads() -> None:
    cache = PromptCache()
    whole = prompt_tokens(FIRST)
    assert bill(cache, FIRST) == (0, whole, 0)
    assert bill(cache, FIRST) == (0, 0, whole)
    assert bill(cache, SECOND) == (0, prompt_tokens(SECOND) - whole, whole)


def test_what_stands_behind_the_last_mark_is_plain_input() -> None:
    seen = body(("user", [text("a" * 400, cache_control=MARK)]), ("user", "d" * 100))
    plain, written, read = bill(PromptCache(), seen)
    assert (written, read) == (prompt_tokens(FIRST), 0)
    assert plain == prompt_tokens(seen) - written


def test_the_longest_known_beginning_counts() -> None:
    cache = PromptCache()
    bill(cache, FIRST)
    bill(cache, SECOND)
    earlier = [("user", "a" * 400), ("assistant", [text("b" * 80)]), ("user", "c" * 120)]
    longer = body(*earlier, ("user", [text("e", cache_control=MARK)]))
    assert bill(cache, longer)[2] == prompt_tokens(SECOND)


@pytest.mark.parametrize(
    "other",
    [
        body(("user", [text("A" + "a" * 399, cache_control=MARK)])),
        body(("assistant", [text("a" * 400, cache_control=MARK)])),
        body(("user", [text("a" * 400, cache_control=MARK)]), system=[text("s")]),
        body(("user", [text("a" * 400, cache_control=MARK)]), tools=[{"name": "Bash"}]),
        body(("user", [text("a" * 400, cache_control=MARK)]), model="other"),
    ],
)
def test_another_beginning_is_not_read(other: SeenBody) -> None:
    cache = PromptCache()
    bill(cache, FIRST)
    assert bill(cache, other)[2] == 0


def test_the_billing_line_is_no_content() -> None:
    cache = PromptCache()
    line = text("x-anthropic-billing-header: cc_version=1;")
    other = text("x-anthropic-billing-header: cc_version=2; cch=1;")
    assert prompt_tokens(body(("user", "a"), system=[line])) == prompt_tokens(body(("user", "a")))
    bill(cache, body(("user", [text("a" * 40, cache_control=MARK)]), system=[line]))
    assert bill(cache, body(("user", [text("a" * 40, cache_control=MARK)]), system=[other]))[1] == 0


def test_a_mark_on_the_system_prompt_alone_is_enough() -> None:
    cache = PromptCache()
    system = [text("s" * 200, cache_control=MARK)]
    bill(cache, body(("user", "a"), system=system))
    plain, written, read = bill(cache, body(("user", "b"), system=system))
    assert (plain > 0, written, read > 40) == (True, 0, True)


def test_nothing_behind_the_last_mark_is_read_even_if_it_is_known() -> None:
    cache = PromptCache()
    system = [text("s" * 200, cache_control=MARK)]
    bill(cache, body(("user", [text("a" * 400, cache_control=MARK)]), system=system))
    plain, written, read = bill(cache, body(("user", "a" * 400), system=system))
    assert (plain, written) == (prompt_tokens(FIRST), 0)
    assert read == prompt_tokens(body(system=system))


def test_an_hour_is_kept_apart_from_five_minutes() -> None:
    hour = body(("user", [text("a" * 400, cache_control={"type": "ephemeral", "ttl": "1h"})]))
    kept = PromptCache().usage(hour, 1).cache_creation
    assert (kept.ephemeral_5m_input_tokens, kept.ephemeral_1h_input_tokens) == (0, prompt_tokens(hour))
    kept = PromptCache().usage(FIRST, 1).cache_creation
    assert (kept.ephemeral_5m_input_tokens, kept.ephemeral_1h_input_tokens) == (prompt_tokens(FIRST), 0)


def test_a_cache_that_ran_out_is_written_again() -> None:
    cache = PromptCache()
    bill(cache, FIRST)
    assert bill(cache, FIRST, forgets=True) == (0, prompt_tokens(FIRST), 0)
    assert bill(cache, FIRST) == (0, 0, prompt_tokens(FIRST))


def test_tokens_grow_with_the_text_and_a_picture_has_its_price() -> None:
    assert (tokens_of(b""), tokens_of(b"a"), tokens_of(b"abcd"), tokens_of(b"abcde")) == (0, 1, 1, 2)
    picture = body(
        ("user", [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 90_000}}])
    )
    assert 1000 < prompt_tokens(picture) < 1300
    assert prompt_tokens(body()) == 0
