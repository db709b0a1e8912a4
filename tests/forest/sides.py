"""What else does a client send, beside the conversation?"""

from collections.abc import Sequence
from dataclasses import replace

from tests.forest.answers import Answer, Outcome, whole
from tests.forest.client import Thread, quiet_points
from tests.forest.requests import COUNT_TOKENS, MAIN_PROMPT, Call
from tests.forest.shapes import Json, text, user
from tests.forest.talk import prompt
from tests.forest.truth import NONE, Link

_BTW = "<system-reminder>This is a side question from the user. Answer directly.</system-reminder>\n\n{}"
_RECAP = "The user stepped away and is coming back. Recap in under 40 words, 1-2 plain sentences, no markdown."
_HELPERS = (
    "Your task is to process Bash commands that an AI coding agent wants to run.",
    "Extract any file paths that this command reads or modifies.",
    "You are an expert at analyzing git history.",
    "Summarize this coding conversation in under 50 characters.",
)


def aside(thread: Thread) -> None:
    """/btw or a recap: the main history with a question behind it, while the main thread goes on."""
    if not quiet_points(thread):
        prompt(thread)
    point = quiet_points(thread)[-1]
    question = _BTW.format(thread.words.prompt()) if thread.words.chance(0.6) else _RECAP
    history = [*point.history, user(text(question))]
    call = thread.call(history, len(history) - 2)
    outcome = whole(thread.answer(), thread.words, stream=True)
    now = thread.now
    thread.send(call, outcome, Link("aside", point.exchange), "auxiliary", 5.0)
    thread.now = now + 0.1


def apart(thread: Thread, said: str, system: Sequence[str], tools: list[Json] | None, **extra: Json) -> None:
    """A side request that has nothing of the main history."""
    content = [{"type": "text", "text": said}] if thread.words.chance(0.5) else said
    call = Call([{"role": "user", "content": content}], list(system), tools, 32_000, extra=extra)
    _send(thread, call)


def _send(thread: Thread, call: Call) -> None:
    outcome = whole(Answer((text(thread.words.fresh()),)), thread.words, stream=bool(call.stream))
    thread.send(call, outcome, NONE, "auxiliary", thread.words.between(0.1, 2))


def title(thread: Thread) -> None:
    """With the first prompt in it, word for word."""
    schema = {"format": {"type": "json_schema", "schema": {"title": {"type": "string"}}}}
    said = f"<session>\n{thread.words.prompt()}\n</session>"
    apart(thread, said, [MAIN_PROMPT, "You are naming a coding session."], [], output_config=schema)


def quota(thread: Thread) -> None:
    _send(thread, Call([{"role": "user", "content": "quota"}], max_tokens=1, stream=None))


def web_search(thread: Thread) -> None:
    tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
    said = f"Perform a web search for the query: {thread.words.word()}"
    apart(thread, said, [MAIN_PROMPT, "You run a web search for another Claude model."], [tool])


def classifier(thread: Thread) -> None:
    """Asks about the newest prompt in the person's own words."""
    apart(thread, thread.words.prompt(), ["You classify commands."], [])


def helpers(thread: Thread) -> None:
    """The small model's jobs in old versions."""
    for said in thread.words.random.sample(_HELPERS, 2):
        apart(thread, thread.words.prompt(), [said], [])


def warmup(thread: Thread) -> None:
    for _ in range(2):
        apart(thread, "Warmup", [MAIN_PROMPT, "You are a file search specialist for Claude Code."], [])


def phantom(thread: Thread) -> None:
    """Start-up requests of a resumed process, under a session id that nothing else uses."""
    session, real = thread.session, thread.session.session_id
    session.session_id = thread.words.uuid()
    helpers(thread)
    session.session_id = real


def count_tokens(thread: Thread) -> None:
    """/context: many at once, some of them with the whole history."""
    for number in range(5):
        messages = thread.call().messages if number == 0 and thread.history else [{"role": "user", "content": "foo"}]
        call = Call(messages, tools=[], max_tokens=None, stream=None, path=COUNT_TOKENS)
        now = thread.now
        thread.send(call, Outcome(200, "application/json", b'{"input_tokens": 519}'), NONE, "auxiliary", 0.3)
        thread.now = now + 0.001


def failed_title(thread: Thread) -> None:
    """Side requests fail too; they belong to nothing all the same."""
    call = Call([{"role": "user", "content": thread.words.fresh()}], [MAIN_PROMPT, "You are naming."], [])
    thread.send(call, Outcome(0, "", b"", "drop_before_headers"), NONE, "auxiliary", 0.1)
    _send(thread, replace(call, stream=True))
