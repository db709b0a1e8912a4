"""How does a client shorten its history: by hand, by itself, in part, again and again?"""

from collections.abc import Sequence
from dataclasses import replace

from tests.forest.answers import Answer, refused
from tests.forest.client import Session, Thread, quiet_points
from tests.forest.requests import MAIN_PROMPT, SUMMARIZER, Call
from tests.forest.shapes import Block, Message, assistant, reminder, text, user
from tests.forest.talk import NOT_ASKED, prompt, results, tool_calls, typed, unheard_of
from tests.forest.truth import Exchange, Link

_TASK = "Your task is to create a detailed summary of {}, paying close attention to the user's explicit requests."
_STRICT = "CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.\n\n"
_SO_FAR, _RECENT = "the conversation so far", "the RECENT portion of the conversation"
_BEGIN = "This session is being continued from a previous conversation that ran out of context. "
_RESUME = "Continue the conversation from where it left off without asking the user any further questions. "
_KEPT = "\n\nThe messages after this summary are the most recent messages from before compaction, kept verbatim. "
_COMMANDS = (
    "<local-command-caveat>The command below was run directly.</local-command-caveat>",
    "<command-name>/compact</command-name>\n<command-message>compact</command-message>",
    "<local-command-stdout>Compacted</local-command-stdout>",
)


def summarise(
    thread: Thread, history: Sequence[Message], link: Link, about: str = _SO_FAR, more: str = "", inside: str = ""
) -> tuple[Exchange, str]:
    """The summarising call, and what it says between its tags."""
    words, old = thread.words, thread.dialect.old
    asked = text(f"{'' if old else _STRICT}{_TASK.format(about)}{more}")
    whole = list(history)
    at = max(n for n, message in enumerate(whole) if message.role != "system")
    if whole[at].role == "user" and words.chance(0.6):
        whole[at] = replace(whole[at], blocks=(*whole[at].blocks, asked))
    else:
        whole.append(user(asked))
    if old:
        whole[0] = _without_reminders(whole[0])
    answers = [n for n, message in enumerate(whole) if message.role == "assistant"]
    call = _call(thread, whole, None if old or not answers else answers[-1])
    inside = inside or f"1. Primary Request and Intent:\n   {words.fresh(8)}\n9. Optional Next Step: none"
    if thread.session.summary and words.chance(0.3):
        inside = f"Before: {thread.session.summary}\n{inside}"
    thread.session.summary = inside
    answer = Answer((text(f"<analysis>\n{words.fresh()}\n</analysis>\n\n<summary>\n{inside}\n</summary>"),))
    exchange = thread.attempts(call, answer, thread.faults(), link, "compaction")
    return exchange, inside


def _without_reminders(message: Message) -> Message:
    kept = tuple(block for block in message.blocks if not block.get("text", "").startswith("<system-reminder>"))
    return replace(message, blocks=kept or message.blocks)


def _call(thread: Thread, history: Sequence[Message], marked: int | None) -> Call:
    call = thread.call(history, marked)
    if not thread.dialect.old:
        return call
    read = [{"name": "Read", "description": "Read tool", "input_schema": {"type": "object"}}]
    return replace(call, system=[MAIN_PROMPT, SUMMARIZER], tools=read, max_tokens=20_000)


def handed_on(thread: Thread, inside: str, *, more: str = "") -> Block:
    if thread.dialect.old:
        return text(f"{_BEGIN}The conversation is summarized below:\nAnalysis:\nno\n\nSummary:\n{inside}.{more}")
    used = ""
    if thread.words.chance(0.5):
        used = "<system-reminder>\n<tools-used-before-summary>Bash</tools-used-before-summary>\n</system-reminder>\n"
    tail = f"\n\nIf you need specific details, read: ~/.claude/projects/x/{thread.session.session_id}.jsonl\n{more}"
    return text(
        f"{_BEGIN}The summary below covers the earlier portion of the conversation.\n\n{used}Summary:\n{inside}{tail}"
    )


def _standing_on(thread: Thread) -> Link:
    """What is summarised ends with the newest answer, or with results for it."""
    return Link("compacts", thread.standing.parent)


def compact_by_hand(thread: Thread) -> None:
    """/compact; the newest answer may be kept, old versions put an answer there that the API never gave."""
    if not quiet_points(thread):
        prompt(thread)
    newest = thread.history[-1]
    words = f"\n\nAdditional Instructions: {thread.words.word()}" if thread.words.chance(0.3) else ""
    exchange, inside = summarise(thread, thread.history, _standing_on(thread), more=words)
    resume(thread, exchange, inside, kept=newest if thread.words.chance(0.5) else None)


def resume(thread: Thread, exchange: Exchange, inside: str, kept: Message | None = None) -> None:
    """The first request after a summary."""
    commands = [text(one) for one in _COMMANDS]
    if kept is not None and not thread.dialect.old:
        thread.history = [user(handed_on(thread, inside, more=_RESUME + _KEPT)), kept]
        said = [reminder("Called the Read tool with the following input: {}"), *commands, *typed(thread)]
    elif thread.dialect.synthetic_answers:
        thread.history = [user(handed_on(thread, inside), *commands), assistant(text(NOT_ASKED))]
        said = [*typed(thread)]
    else:
        thread.history = []
        said = [handed_on(thread, inside), *commands, *typed(thread)]
    thread.standing = Link("resumes", exchange)
    thread.wait(20)
    thread.say(*said)


def compact_before_prompt(thread: Thread, inside: str = "") -> Exchange:
    """By itself, before the next prompt; returns the summarising call."""
    if not quiet_points(thread):
        prompt(thread)
    exchange, inside = summarise(thread, thread.history, _standing_on(thread), inside=inside)
    thread.history, thread.standing = [], Link("resumes", exchange)
    thread.say(handed_on(thread, inside, more=_RESUME), *typed(thread))
    return exchange


def compact_in_the_middle(thread: Thread, calls: Sequence[Block], answer: Answer | None = None) -> None:
    """By itself, right behind the results of tools: the summary is all there is."""
    thread.history.append(user(*results(thread, calls)))
    exchange, inside = summarise(thread, thread.history, _standing_on(thread))
    thread.history, thread.standing = [], Link("resumes", exchange)
    thread.say(handed_on(thread, inside, more=_RESUME), answer=answer)


def compact_mid_turn(thread: Thread) -> None:
    calls = tool_calls(thread)
    thread.say(*typed(thread), answer=thread.answer(*calls))
    compact_in_the_middle(thread, calls)


def compact_twice(thread: Thread) -> None:
    for _ in range(2):
        compact_by_hand(thread)
        prompt(thread)


def compact_without_newest(thread: Thread) -> None:
    """The summarising call leaves the newest answer out; it is kept word for word.

    Up to which exchange does it summarise? It holds the newest exchange's request whole, but the newest answer it
    holds is that of the exchange before: DESIGN allows either.
    """
    prompt(thread)
    prompt(thread)
    newest, kept = quiet_points(thread)[-1], thread.history[-1]
    before = quiet_points(thread)[-2].exchange
    link = Link("compacts", newest.exchange, instead=(("compacts", before),))
    exchange, inside = summarise(thread, thread.history[:-1], link)
    resume(thread, exchange, inside, kept)


def compact_from_here(thread: Thread) -> None:
    """Rewind, "Summarize from here": what came before stays, and the summary stands for the rest."""
    for _ in range(3):
        prompt(thread)
    place = quiet_points(thread)[-3]
    exchange, inside = summarise(thread, thread.history, _standing_on(thread), about=_RECENT)
    thread.history, thread.standing = list(place.history), Link("resumes", exchange)
    thread.say(handed_on(thread, inside), *typed(thread))


def compact_up_to_here(thread: Thread) -> None:
    """Rewind, "Summarize up to here": the summary stands for the first part, the rest is kept."""
    for _ in range(3):
        prompt(thread)
    place = quiet_points(thread)[-3]
    kept = thread.history[len(place.history) :]
    exchange, inside = summarise(thread, place.history, Link("compacts", place.exchange))
    first, *rest = kept
    joined = replace(first, blocks=(handed_on(thread, inside, more=_RESUME + _KEPT), *first.blocks))
    thread.history, thread.standing = [joined, *rest], Link("resumes", exchange)
    thread.say(*typed(thread))


def too_long(thread: Thread) -> None:
    """The API says that the prompt is too long; the client summarises without answer and prompt, and keeps both."""
    prompt(thread)
    prompt(thread)
    (before, newest), said = quiet_points(thread)[-2:], unheard_of(thread)
    thread.remember(said)
    thread.attempts(thread.call(), Answer(()), last=refused(400, "invalid_request_error"))
    # As in compact_without_newest: the newest exchange's request is summarised whole, without its answer.
    link = Link("compacts", newest.exchange, instead=(("compacts", before.exchange),))
    exchange, inside = summarise(thread, newest.history[:-1], link)
    thread.history = [user(handed_on(thread, inside, more=_RESUME + _KEPT)), newest.history[-1]]
    thread.standing = Link("resumes", exchange)
    thread.say(said)


def resumed_twice(thread: Thread) -> None:
    """Back to right behind a summary, and something else: DESIGN allows to call the second one a branch."""
    summarising = compact_before_prompt(thread)
    thread.history = []
    thread.standing = Link("resumes", summarising, instead=(("branches", summarising),))
    thread.wait(30)
    thread.say(handed_on(thread, thread.session.summary, more=_RESUME), *typed(thread))


def fork_after_compact(thread: Thread) -> None:
    """A summary is gone on from in a new session: DESIGN allows either word."""
    if not quiet_points(thread):
        prompt(thread)
    exchange, inside = summarise(thread, thread.history, _standing_on(thread))
    session = Session(thread.world, thread.session.person, thread.dialect, thread.words.uuid())
    child = Thread(session, thread.now + 5, standing=Link("resumes", exchange, instead=(("forks", exchange),)))
    child.say(handed_on(thread, inside, more=_RESUME), *typed(child))
    prompt(child)
    thread.history, thread.standing = [], Link("resumes", exchange)
    thread.wait(60)
    thread.say(handed_on(thread, inside, more=_RESUME), *typed(thread))
