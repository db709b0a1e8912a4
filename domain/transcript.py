"""What was said on a branch, as a person reads it? Each request repeats its whole history; here everything comes once.

Theory of operation. The exchanges of one line of talk go in, in order; turns come out, with what each one added: what
its request brought that the exchange before neither sent nor answered, and its answer. Histories are compared by the
digests that linking rests on (``domain/blocks.py``), because clients reshape what they send again. A result stands
with its call. What only a later request tells of, because its own record is missing, is shown with a mark.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from domain.blocks import BlockFacts, block_facts, counts
from domain.content_blocks import Block
from domain.held_answers import text_of
from domain.transcript_entries import Entry, answered, by_client, mark, sent, system_entry
from schemas.anthropic.stream import JsonObject

Loss = Literal["", "not_kept", "erased", "unreadable"]


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a request."""

    role: str
    blocks: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFacts:
    """What stands at the head of a turn."""

    request_id: UUID
    received_at: datetime
    edge: str = "continues"
    request_class: str = "main"
    outcome: str = "completed"
    model: str | None = None
    duration_ms: float | None = None
    cost_usd: Decimal | None = None
    """None: nothing of it has a price, or it is still open."""
    prompt_tokens: int | None = None
    """All of the prompt: read from the cache, written to it, and neither."""
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTurn:
    """One exchange as it was recorded."""

    facts: TurnFacts
    system: tuple[str, ...] = ()
    """Texts of the system prompt."""
    messages: tuple[Said, ...] = ()
    answer: tuple[Block, ...] = ()
    whole: bool = True
    """The answer came to its end."""
    error: str = ""
    """What upstream, or what broke the stream, said."""
    lost_request: Loss = ""
    lost_answer: Loss = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one exchange added to the conversation."""

    number: int
    """Of the branch's exchanges, from 1."""
    facts: TurnFacts
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A block of a request, at its place."""

    message: int
    block: JsonObject
    facts: BlockFacts
    role: str
    counted: bool

    @property
    def by_assistant(self) -> bool:
        return self.role == "assistant"

    @property
    def key(self) -> tuple[bytes | None, bool]:
        return self.facts.digest, self.by_assistant


@dataclass(frozen=True, slots=True)
class _Known:
    """What the exchange before sent and got."""

    sent: tuple[tuple[bytes | None, bool], ...] = ()
    answered: frozenset[bytes | None] = frozenset()
    text: str = ""
    """Of its answer, without white space."""
    system: tuple[str, ...] | None = None


class _Reader:
    """Reads each message once, as long as the next history begins like the one before."""

    def __init__(self) -> None:
        self._messages: Sequence[Said] = ()
        self._seen: list[_Seen] = []

    def seen(self, messages: Sequence[Said]) -> list[_Seen]:
        same = _same(self._messages, messages)
        kept = sum(len(said.blocks) for said in messages[:same])
        seen = self._seen[:kept]
        for place, said in enumerate(messages[same:], start=same):
            seen += [_read(place, said.role, block) for block in said.blocks]
        self._messages, self._seen = messages, seen
        return seen


def _read(message: int, role: str, block: JsonObject) -> _Seen:
    facts = block_facts(block)
    return _Seen(message, block, facts, role, _counts(role, facts))


def _same(one: Sequence[Said], other: Sequence[Said]) -> int:
    """How many messages both begin with."""
    number = 0
    for ours, theirs in zip(one, other, strict=False):
        if ours is not theirs and ours != theirs:
            break
        number += 1
    return number


class Transcript:
    """Grows by one exchange at a time, and keeps of it what is new: a history may be long, and each repeats it."""

    def __init__(self, subtasks: Mapping[str, UUID], first: int = 1) -> None:
        """``subtasks``: branches by the call that began them; ``first``: number of the first turn."""
        self._subtasks = subtasks
        self._number = first
        self._reader, self._known = _Reader(), _Known()
        self._turns: list[Turn] = []

    def pass_over(self, exchange: RecordedTurn) -> None:
        """The exchange before the first one that is told."""
        self._known = _after(exchange, self._reader.seen(exchange.messages), self._known)

    def add(self, exchange: RecordedTurn) -> None:
        seen = self._reader.seen(exchange.messages)
        self._turns.append(Turn(self._number, exchange.facts, _entries(exchange, seen, self._known)))
        self._number += 1
        if exchange.facts.edge != "aside" and not exchange.lost_request:
            self._known = _after(exchange, seen, self._known)

    def turns(self) -> tuple[Turn, ...]:
        """Each call with its result, as far as it was added."""
        return _paired(self._turns, self._subtasks)


def transcript(
    exchanges: Iterable[RecordedTurn],
    subtasks: Mapping[str, UUID],
    *,
    before: RecordedTurn | None = None,
    first: int = 1,
) -> tuple[Turn, ...]:
    """``before``: the exchange before the first one of a stretch."""
    whole = Transcript(subtasks, first)
    if before is not None:
        whole.pass_over(before)
    for exchange in exchanges:
        whole.add(exchange)
    return whole.turns()


def _counts(role: str, facts: BlockFacts) -> bool:
    return role != "system" and counts(facts, by_assistant=role == "assistant")


def _after(exchange: RecordedTurn, seen: Sequence[_Seen], known: _Known) -> _Known:
    """A summary is no part of the history that it sums up."""
    if exchange.facts.edge == "compacts":
        return replace(known, sent=tuple(one.key for one in seen if one.counted))
    said = [block_facts(block.value) for block in exchange.answer]
    return _Known(
        sent=tuple(one.key for one in seen if one.counted),
        answered=frozenset(facts.digest for facts in said if counts(facts, by_assistant=True)),
        text=text_of(said),
        system=exchange.system or known.system,
    )


def _entries(exchange: RecordedTurn, seen: Sequence[_Seen], known: _Known) -> tuple[Entry, ...]:
    facts = exchange.facts
    entries = list[Entry]()
    if facts.edge == "retries":
        entries.append(mark(f"{facts.request_id}.retry", "retry"))
    if exchange.lost_request:
        entries.append(mark(f"{facts.request_id}.lost", "lost request", exchange.lost_request))
    if exchange.system and exchange.system != known.system and facts.edge != "aside":
        entries.append(system_entry(f"{facts.request_id}.s", exchange.system))
    entries += _brought(facts, seen, known)
    entries += [answered(f"{facts.request_id}.a{n}", block) for n, block in enumerate(exchange.answer)]
    return (*entries, *_ending(exchange))


def _brought(facts: TurnFacts, seen: Sequence[_Seen], known: _Known) -> list[Entry]:
    """What the request added, with a mark before answers that nobody recorded."""
    start, new = _new(facts.edge, seen, known)
    entries, told = list[Entry](), False
    for place, one in enumerate(new, start=start):
        if one is None:
            continue
        name = f"{facts.request_id}.q{place}"
        if one.by_assistant and one.counted and not told:
            entries.append(mark(f"{name}.unseen", "lost answer", "unseen"))
            told = True
        if facts.edge == "compacts" and one.role == "user":
            entries.append(by_client(name, one.block))
        else:
            entries.append(sent(name, one.role, one.block, one.facts))
    return entries


def _new(edge: str, seen: Sequence[_Seen], known: _Known) -> tuple[int, list[_Seen | None]]:
    """The place of the first block that is new, and the blocks from there on; None: it was kept from before."""
    shared = _shared(seen, known)
    start = _behind_answer(seen, _place_behind(seen, shared), known)
    if shared < len(known.sent):
        if edge != "resumes":  # there the summary stands before what was kept
            start = max(start, _behind_known_answer(seen, known))
        earlier, newest = frozenset(known.sent), _newest_answer(seen)
        new: list[_Seen | None] = [
            None if one.counted and one.key in earlier and (place <= newest or one.facts.tool_use_id) else one
            for place, one in enumerate(seen[start:], start=start)
        ]
    else:
        new = list(seen[start:])
    if not any(one is not None and one.counted for one in new):
        return start, []
    return start, new


def _shared(seen: Sequence[_Seen], known: _Known) -> int:
    """How many blocks that count both begin with."""
    number = 0
    for one in seen:
        if not one.counted:
            continue
        if number == len(known.sent) or one.key != known.sent[number]:
            break
        number += 1
    return number


def _place_behind(seen: Sequence[_Seen], shared: int) -> int:
    """Behind the last block that is shared, and what does not count behind it in its message."""
    if not shared:
        return 0
    left, place = shared, 0
    while left:
        left -= seen[place].counted
        place += 1
    return _rest_of_message(seen, place)


def _rest_of_message(seen: Sequence[_Seen], place: int) -> int:
    message = seen[place - 1].message
    while place < len(seen) and seen[place].message == message and not seen[place].counted:
        place += 1
    return place


def _behind_answer(seen: Sequence[_Seen], start: int, known: _Known) -> int:
    """Behind the run of answers at ``start``, if that is what came back, or what the client kept of it."""
    at = start
    while at < len(seen) and not seen[at].counted and not seen[at].by_assistant:
        at += 1
    end = at
    while end < len(seen) and seen[end].by_assistant:
        end += 1
    run = [one.facts for one in seen[at:end] if one.counted]
    if not run:
        return start
    held = text_of(run)
    same = any(facts.digest in known.answered for facts in run)
    return end if same or (held and known.text.startswith(held)) else start


def _behind_known_answer(seen: Sequence[_Seen], known: _Known) -> int:
    """Where the client changed the history further up: behind the newest block of the answer before."""
    places = [
        place for place, one in enumerate(seen, start=1) if one.by_assistant and one.facts.digest in known.answered
    ]
    return places[-1] if places else 0


def _newest_answer(seen: Sequence[_Seen]) -> int:
    places = [place for place, one in enumerate(seen) if one.by_assistant]
    return places[-1] if places else -1


def _ending(exchange: RecordedTurn) -> tuple[Entry, ...]:
    """How an answer ended that did not come to its end."""
    facts = exchange.facts
    name = f"{facts.request_id}.end"
    if exchange.lost_answer:
        return (mark(name, "lost answer", exchange.lost_answer),)
    if facts.outcome == "open":
        return (mark(name, "open"),)
    if exchange.error:
        return (mark(name, "failed", exchange.error),)
    return () if exchange.whole else (mark(name, "cut", facts.outcome),)


def _paired(turns: Sequence[Turn], subtasks: Mapping[str, UUID]) -> tuple[Turn, ...]:
    """Each call with the first result that came for it."""
    calls = {entry.call_id for turn in turns for entry in turn.entries if entry.kind == "call" and entry.call_id}
    results = dict[str, Entry]()
    for turn in turns:
        for entry in turn.entries:
            if entry.kind == "result" and entry.call_id in calls:
                results.setdefault(entry.call_id, entry)
    taken = {entry.id for entry in results.values()}
    return tuple(
        replace(
            turn,
            entries=tuple(_with_result(entry, results, subtasks) for entry in turn.entries if entry.id not in taken),
        )
        for turn in turns
    )


def _with_result(entry: Entry, results: Mapping[str, Entry], subtasks: Mapping[str, UUID]) -> Entry:
    if entry.kind != "call":
        return entry
    result = results.get(entry.call_id)
    return replace(entry, result=result.block if result else None, subtask=subtasks.get(entry.call_id))
