"""What happens on one thread: prompts, tools, answers that stop early, interruptions?"""

import json
from collections.abc import Sequence
from dataclasses import replace

from tests.forest.answers import Answer, Outcome, cut_after_text
from tests.forest.answers import refused as refused_with
from tests.forest.client import Thread
from tests.forest.failures import SIMPLE
from tests.forest.shapes import Block, Json, assistant, text, tool_result, tool_use, user
from tests.forest.truth import Exchange, Link
from tests.forest.vocabulary import COMMON_ANSWERS

INTERRUPTED = "[Request interrupted by user]"
NOT_ASKED = "No response requested."
_NO_OUTPUT = "[Your previous response had no visible output. Please continue and produce a user-visible response.]"
_LIMIT = "Output token limit hit. Resume directly \N{EM DASH} no apology, no recap of what you were doing."
_QUEUED = "The user sent a new message while you were working:\n{}\n\nThis is how Claude Code surfaces messages."


def typed(thread: Thread) -> tuple[Block, ...]:
    """What a person sends: a text, at times with a picture or the traces of a command before it."""
    words = thread.words
    said = text(words.fresh() if thread.dialect.plain else words.prompt())
    if words.chance(0.1):
        picture = {"type": "base64", "media_type": "image/png", "data": words.hex(32)}
        return ({"type": "image", "source": picture}, said)
    if words.chance(0.1) and not thread.dialect.plain:
        shell = text(f"<bash-input>{words.word()}</bash-input>")
        return (shell, text(f"<bash-stdout>{words.word()}</bash-stdout>"), said)
    return (said,)


def unheard_of(thread: Thread) -> Block:
    """For what fails: whoever says the same words again at the same place tries again, as DESIGN has it."""
    return text(thread.words.fresh())


def prompt(thread: Thread) -> None:
    """Asked and answered; the answer is at times what others get too."""
    thread.wait(20)
    if thread.dialect.plain and thread.words.chance(0.3):
        # Not if it may fail: without a session, the next one to say the same would be its retry.
        thread.say(text(thread.words.prompt()), faults=[])
    elif thread.points and thread.words.chance(0.15):
        common = thread.words.random.choice(COMMON_ANSWERS)
        thread.say(text(thread.words.fresh()), answer=thread.answer(words=common))
    else:
        thread.say(*typed(thread))


def tool_calls(thread: Thread, most: int = 3) -> tuple[Block, ...]:
    words = thread.words
    return tuple(
        tool_use(
            words.tool_use_id(), words.random.choice(["Bash", "Read"]), {"command": words.word(), "n": [1.5, None]}
        )
        for _ in range(words.random.randint(1, most))
    )


def results(thread: Thread, calls: Sequence[Block]) -> list[Block]:
    """In the order in which the tools finish; a prompt that was typed meanwhile comes last."""
    words = thread.words
    found = [_result(thread, call) for call in words.random.sample(calls, len(calls))]
    if not thread.dialect.plain and words.chance(0.15):
        found.append(text(_QUEUED.format(words.prompt())))
    return found


def _result(thread: Thread, call: Block) -> Block:
    words = thread.words
    said = words.word()
    if words.chance(0.3) and not thread.dialect.plain:
        left = f"<total_tokens>{words.random.randint(1, 10**7)} tokens left"
        said = f"{said}\n\n<system-reminder>\n{left}\n</system-reminder>"
    if words.chance(0.2):
        return tool_result(call["id"], "Exit code 3\ntwo", failed=True)
    content: Json = [text(said)] if words.chance(0.3) else said
    if words.chance(0.1):
        content = [{"type": "tool_reference", "tool_name": words.word()}]
    return tool_result(call["id"], content, failed=False if call["name"] == "Bash" else None)


def tools(thread: Thread, rounds: int = 0) -> None:
    """A prompt, and tools until the model is done."""
    thread.wait(10)
    exchange_with_tools(thread, typed(thread), rounds or thread.words.random.randint(1, 4))


def exchange_with_tools(thread: Thread, first: Sequence[Block], rounds: int) -> None:
    blocks = list(first)
    for _ in range(rounds):
        calls = tool_calls(thread)
        thread.say(*blocks, answer=thread.answer(*calls))
        thread.wait(1)
        blocks = results(thread, calls)
    thread.say(*blocks)


def limit_hit(thread: Thread) -> None:
    """Twice in a row the answer is longer than allowed."""
    blocks = typed(thread)
    for _ in range(2):
        thread.say(*blocks, answer=replace(thread.answer(), stop_reason="max_tokens"))
        blocks = (text(_LIMIT),)
    thread.say(*blocks)


def paused(thread: Thread) -> None:
    """The API pauses a turn, perhaps while it searches; the client sends the answer back as it is."""
    words = thread.words
    search = {
        "type": "server_tool_use",
        "id": f"srvtoolu_{words.hex(20)}",
        "name": "web_search",
        "input": {"query": "x"},
    }
    hits = {"type": "web_search_tool_result", "tool_use_id": search["id"], "content": [{"title": words.word()}]}
    blocks = (*thread.answer().blocks, *((search, hits) if words.chance(0.5) else ()))
    thread.say(*typed(thread), answer=Answer(blocks, "pause_turn"))
    thread.hear(thread.answer())


def refused(thread: Thread) -> None:
    thread.say(*typed(thread), faults=["refusal"])


def empty_answer(thread: Thread) -> None:
    """The client drops it and says something more in the message before."""
    exchange = thread.say(*typed(thread), answer=Answer(()))
    at = max(n for n, message in enumerate(thread.history) if message.role == "user")
    thread.history[at] = replace(thread.history[at], blocks=(*thread.history[at].blocks, text(_NO_OUTPUT)))
    thread.standing = Link("continues", exchange, instead=(("branches", exchange),))
    thread.hear(thread.answer())


def interrupted(thread: Thread) -> None:
    """Escape while it streams, perhaps twice in a row: the beginning that was shown is kept."""
    exchange = cut_off(thread)
    if thread.words.chance(0.3):
        thread.standing = Link("interrupted", exchange)
        thread.history.append(user(text(INTERRUPTED)))
        thread.wait(5)
        exchange = cut_off(thread)
    _go_on(thread, exchange)


def cut_off(thread: Thread) -> Exchange:
    full = thread.answer()
    said = full.blocks[-1]["text"]
    shown = said[: thread.words.random.randint(1, len(said))].rstrip() or said.rstrip()
    exchange = _cut(thread, full, shown)
    kept = [one for one in full.blocks if one["type"] == "thinking" and thread.words.chance(0.5)]
    thread.history.append(assistant(*kept, text(shown)))
    return exchange


def interrupted_at_once(thread: Thread) -> None:
    """Escape before any text: nothing of the answer is kept."""
    _go_on(thread, _cut(thread, thread.answer(), ""))


def interrupted_before_headers(thread: Thread) -> None:
    thread.remember(unheard_of(thread))
    nothing = Outcome(0, "", b"", "client_gone")
    exchange = thread.attempts(thread.call(), thread.answer(), last=nothing)
    _go_on(thread, exchange)


def interrupted_and_resumed(thread: Thread) -> None:
    """The process ends before any text; the next one puts an answer there that the API never gave."""
    exchange = _cut(thread, thread.answer(), "")
    thread.history.append(assistant(text(NOT_ASKED)))
    thread.wait(300)
    thread.standing = Link("interrupted", exchange)
    thread.say(*typed(thread))


def interrupted_and_sent_again(thread: Thread) -> None:
    """The same messages after a cut are another attempt."""
    exchange = _cut(thread, thread.answer(), "")
    thread.wait(5)
    thread.standing = exchange.link if exchange.link.edge == "retries" else Link("retries", exchange)
    thread.hear(thread.answer())


def gave_up(thread: Thread) -> None:
    """No attempt is answered; the next prompt is put behind the one that was in vain.

    It holds no answer of the failed exchange, but all that was asked there. DESIGN has no word for it: it goes on
    from the exchange that failed, or is another branch from the one before.
    """
    if not thread.points:
        prompt(thread)
    before = thread.points[-1].exchange
    thread.remember(unheard_of(thread))
    failed = thread.attempts(thread.call(), thread.answer(), last=refused_with(429, "rate_limit_error"))
    thread.wait(60)
    allowed = [("interrupted", failed), ("branches", failed), ("branches", before)]
    thread.standing = Link("continues", failed, instead=tuple(allowed))
    thread.say(*typed(thread))


def _cut(thread: Thread, full: Answer, shown: str) -> Exchange:
    """Perhaps not the first attempt at it."""
    thread.remember(unheard_of(thread))
    faults = [thread.words.random.choice(SIMPLE)] if thread.words.chance(thread.world.trouble) else []
    return thread.attempts(thread.call(), full, faults, last=cut_after_text(full, thread.words, shown))


def _go_on(thread: Thread, exchange: Exchange) -> None:
    thread.standing = Link("interrupted", exchange)
    thread.wait(5)
    if thread.words.chance(0.5):
        thread.say(text(INTERRUPTED), *typed(thread))
    else:
        thread.history.append(user(text(INTERRUPTED)))
        thread.say(*typed(thread))


def rejected_tool(thread: Thread) -> None:
    """The person says no to a tool and types something else."""
    calls = tool_calls(thread)
    thread.say(*typed(thread), answer=thread.answer(*calls))
    no = [tool_result(call["id"], "The user doesn't want to proceed.", failed=True) for call in calls]
    thread.say(*no, text("[Request interrupted by user for tool use]"), *typed(thread))


def quoted_phrases(thread: Thread) -> None:
    """A person types what clients say in other places; it means nothing there."""
    asked = "What does 'Your task is to create a detailed summary of the conversation so far' mean?"
    thread.say(text(f"{asked} {thread.words.word(9)}"), faults=thread.words.random.choice([[], ["529"]]))
    note = json.dumps({"agentId": f"a{thread.words.hex(16)}", "text": INTERRUPTED})
    thread.say(text(f"{thread.words.fresh()} <task-notification><task-id>a{thread.words.hex(16)}</task-id> {note}"))
