"""What must linking know of an exchange? Facts of the request and of the answer, taken from what was recorded.

A request is a path in a trie (``domain/trie.py``), one node per block that counts. The answer goes on from the
request's last node. Two requests share a prefix exactly if they share a node, so finding what a request goes on from
is a look-up.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.answer_facts import (
    OPEN,
    SUMMARY_CHARS,
    AnswerFacts,
    Ending,
    answer_facts,
    of_class,
    said_in,
    tagged_summary,
)
from domain.assembly import AssembledMessage
from domain.blocks import AgentMention, BlockFacts, counts
from domain.classification import Classified, RequestClass, answered, classify, has_history
from domain.held_answers import NOTHING_HELD, HeldAnswer, content_digest, print_of, signed_in, text_of, tool_uses_in
from domain.phrases import CONTINUATION
from domain.request_view import RequestView, SeenMessage
from domain.trie import after, root_of
from schemas.stored.events import RequestReceived

PROMPT_CHARS = 400
"""Of a first prompt, kept as a conversation's working title."""
MIN_SUMMARY_CHARS = 40
"""A shorter text says too little to be known again inside another one."""


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """The order of exchanges: every rule that asks what came first asks this."""

    received_at: datetime
    request_id: UUID


@dataclass(frozen=True, slots=True)
class Thread:
    """One line of talk of one session: the main thread, or an agent's."""

    session: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class ExchangeFacts:
    """All that linking asks of one exchange."""

    moment: Moment
    scope: str
    thread: Thread
    parent_agent: str | None
    device: str | None
    classified: Classified
    path: tuple[bytes, ...]
    """The node after each block that counts."""
    history: bool
    """The request holds earlier answers."""
    held: HeldAnswer
    """The newest of them."""
    prompt: bytes | None
    """Digest of the first message's last text: a task's prompt, if this is a sub-task's first request."""
    title: str
    """The beginning of that text."""
    asked: str
    """What was typed for this very request: the last text behind the newest answer; empty: only tool results."""
    opening: str
    """Its first text if that is long enough to hand on a summary."""
    continuation: str
    """The text behind the newest answer that says that it hands on a summary."""
    mentions: tuple[AgentMention, ...]
    signed: bytes | None = None
    """Digest of the signatures of all thinking in the request and its answer."""
    answer: AnswerFacts = OPEN

    @property
    def request_id(self) -> UUID:
        return self.moment.request_id

    @property
    def request_class(self) -> RequestClass:
        return self.classified.request_class

    @property
    def request_node(self) -> bytes | None:
        return self.path[-1] if self.path else None

    @property
    def first_node(self) -> bytes | None:
        return self.path[0] if self.path else None

    @property
    def answer_node(self) -> bytes | None:
        return self.answer.nodes[-1] if self.answer.nodes else None


def facts_of(
    request: RequestReceived, view: RequestView | None, message: AssembledMessage | None, ending: Ending
) -> ExchangeFacts:
    """``view`` None: the body is no JSON object, or not kept; ``message`` None: no byte of an answer yet."""
    headers = kept_headers(request)
    messages = view.messages if view else ()
    root = root_of(request.scope, view.identity.user if view else None)
    classified = classify(request.target, headers, view)
    path, held = _walk(root, messages) if _is_linkable(classified) else ((), NOTHING_HELD)
    said = said_in(message)
    answer = answer_facts(said, message, path[-1] if path else root, ending, request.timestamp)
    declared = answered(
        classified,
        with_summary=bool(tagged_summary(said)),
        finished=answer.state == "finished",
    )
    first = _first_prompt(messages)
    return ExchangeFacts(
        moment=Moment(request.timestamp, request.originator_id),
        scope=request.scope,
        thread=_thread(headers, view),
        parent_agent=headers.get("x-claude-code-parent-agent-id"),
        device=view.identity.device if view else None,
        classified=declared,
        path=path,
        history=has_history(messages),
        held=held,
        prompt=first.digest,
        title=first.text[:PROMPT_CHARS],
        asked=_asked(messages)[:PROMPT_CHARS],
        opening=_opening(messages),
        continuation=_continuation(messages),
        mentions=tuple(mention for block in _blocks(messages) for mention in block.mentions),
        signed=signed_in([*_thinking(messages), *said]),
        answer=of_class(answer, said, declared.request_class),
    )


def kept_headers(request: RequestReceived) -> dict[str, str]:
    """Values that were kept, by lower-case name; of several lines the last."""
    return {fact.name.lower(): fact.value for fact in request.headers if fact.value is not None}


def _is_linkable(classified: Classified) -> bool:
    """Other auxiliary requests stand alone: nothing is ever linked to them."""
    return classified.request_class != "auxiliary" or classified.side or classified.helper


def _thread(headers: Mapping[str, str], view: RequestView | None) -> Thread:
    session = headers.get("x-claude-code-session-id") or (view.identity.session if view else None)
    return Thread(session, headers.get("x-claude-code-agent-id"))


Counted = tuple[BlockFacts, bool, int]
"""A block that counts, whether it is the assistant's, and in which message it stands."""


def _walk(root: bytes, messages: Iterable[SeenMessage]) -> tuple[tuple[bytes, ...], HeldAnswer]:
    """The path, and the newest answer on it."""
    counted: list[Counted] = [
        (block.facts, message.role == "assistant", place)
        for place, message in enumerate(messages)
        if message.role != "system"
        for block in message.blocks
        if counts(block.facts, by_assistant=message.role == "assistant")
    ]
    path = [root]
    for facts, by_assistant, _ in counted:
        path.append(after(path[-1], facts.digest or b"", by_assistant=by_assistant))
    return tuple(path[1:]), _held(path, counted, signed_in(_thinking(messages)))


def _thinking(messages: Iterable[SeenMessage]) -> list[BlockFacts]:
    return [block.facts for message in messages for block in message.blocks if block.facts.signature]


def _held(path: list[bytes], counted: list[Counted], signed: bytes | None) -> HeldAnswer:
    end = len(counted)
    while end and not counted[end - 1][1]:
        end -= 1
    began = end
    while began and counted[began - 1][1]:
        began -= 1
    run = [facts for facts, _, _ in counted[began:end]]
    if not run:
        return NOTHING_HELD
    return HeldAnswer(
        before=path[began],
        before_depth=began,
        depth=end,
        content=content_digest(run),
        last_content=content_digest(facts for facts, _, place in counted[began:end] if place == counted[end - 1][2]),
        text=print_of(text_of(run)),
        tool_uses=tool_uses_in(run),
        signed=signed,
    )


def _blocks(messages: Iterable[SeenMessage]) -> Iterator[BlockFacts]:
    return (block.facts for message in messages for block in message.blocks)


def _first_prompt(messages: tuple[SeenMessage, ...]) -> BlockFacts:
    """The last text that counts of the first user message: what was typed, or a task's prompt."""
    for message in messages:
        if message.role == "user":
            texts = [block.facts for block in message.blocks if _is_text(block.facts)]
            return texts[-1] if texts else BlockFacts("text")
    return BlockFacts("text")


def _new_texts(messages: tuple[SeenMessage, ...]) -> list[str]:
    """The user's texts behind the newest answer, the newest first."""
    texts = list[str]()
    for message in reversed(messages):
        if message.role == "assistant":
            break
        if message.role == "user":
            texts += [block.facts.text for block in reversed(message.blocks) if _is_text(block.facts)]
    return texts


def _is_text(facts: BlockFacts) -> bool:
    return facts.kind == "text" and facts.digest is not None


def _asked(messages: tuple[SeenMessage, ...]) -> str:
    texts = _new_texts(messages)
    return texts[0] if texts else ""


def _opening(messages: tuple[SeenMessage, ...]) -> str:
    seen = (block.facts for message in messages if message.role != "system" for block in message.blocks)
    first = next((facts for facts in seen if facts.digest is not None), None)
    return first.text[:SUMMARY_CHARS] if first is not None and len(first.text) >= MIN_SUMMARY_CHARS else ""


def _continuation(messages: tuple[SeenMessage, ...]) -> str:
    return next((text[:SUMMARY_CHARS] for text in reversed(_new_texts(messages)) if text.startswith(CONTINUATION)), "")
