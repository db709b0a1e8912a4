"""What must linking know of an exchange? Facts of the request and of the answer, taken from what was recorded.

A request is a path in a trie, one node per block that counts: node = H(node before, role, block). The answer goes on
from the request's last node. Two requests share a prefix exactly if they share a node, so finding what a request goes
on from is a look-up. The trie's root is the scope's own: nothing is ever found across scopes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from domain.assembly import AssembledMessage
from domain.blocks import DIGEST_BYTES, AgentMention, BlockFacts, Task, block_facts
from domain.classification import Classified, RequestClass, classify, has_history
from domain.phrases import CONTINUATION, SUMMARY
from domain.request_view import RequestView, SeenMessage
from schemas.stored.events import RequestReceived

AnswerState = Literal["open", "finished", "refused", "cut", "failed"]
PROMPT_CHARS = 400
"""Of a first prompt, kept as a conversation's working title."""
SUMMARY_CHARS = 200_000


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
class AnswerFacts:
    """What came back, as far as it came."""

    state: AnswerState = "open"
    nodes: tuple[bytes, ...] = ()
    """The answer's own nodes, after the request's last one."""
    tasks: tuple[Task, ...] = ()
    summary: str = ""
    """What a summarising call's answer hands on."""


OPEN = AnswerFacts()


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
    prompt: bytes | None
    """Digest of the first message's last text: a task's prompt, if this is a sub-task's first request."""
    title: str
    """The beginning of that text."""
    asked: str
    """What was typed for this very request: the last text behind the newest answer; empty: only tool results."""
    continuation: str
    """The first text, if it hands on a summary."""
    mentions: tuple[AgentMention, ...]
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
    def answer_node(self) -> bytes | None:
        return self.answer.nodes[-1] if self.answer.nodes else None


def facts_of(
    request: RequestReceived, view: RequestView | None, message: AssembledMessage | None, *, ended: bool
) -> ExchangeFacts:
    """``view`` None: the body is no JSON object, or not kept; ``message`` None: no byte of an answer yet."""
    headers = {fact.name.lower(): fact.value for fact in request.headers if fact.value is not None}
    classified = classify(request.target, headers, view)
    messages = view.messages if view else ()
    path = tuple(_path(_root(request.scope), messages))
    start = path[-1] if path else _root(request.scope)
    return ExchangeFacts(
        moment=Moment(request.timestamp, request.originator_id),
        scope=request.scope,
        thread=_thread(headers, view),
        parent_agent=headers.get("x-claude-code-parent-agent-id"),
        device=view.identity.device if view else None,
        classified=classified,
        path=path,
        history=has_history(messages),
        prompt=_first_prompt(messages).digest,
        title=_first_prompt(messages).text[:PROMPT_CHARS],
        asked=_asked(messages)[:PROMPT_CHARS],
        continuation=_continuation(messages),
        mentions=tuple(mention for block in _blocks(messages) for mention in block.mentions),
        answer=_answer(message, start, ended=ended) if path else AnswerFacts(_state(message, ended=ended)),
    )


def _thread(headers: Mapping[str, str], view: RequestView | None) -> Thread:
    session = headers.get("x-claude-code-session-id") or (view.identity.session if view else None)
    return Thread(session, headers.get("x-claude-code-agent-id"))


def _root(scope: str) -> bytes:
    return hashlib.blake2b(b"scope\0" + scope.encode(), digest_size=DIGEST_BYTES).digest()


def _path(node: bytes, messages: Iterable[SeenMessage]) -> Iterator[bytes]:
    for message in messages:
        if message.role == "system":
            continue
        role = b"a" if message.role == "assistant" else b"u"
        for block in message.blocks:
            if block.facts.digest is not None:
                node = _next(node, role, block.facts.digest)
                yield node


def _next(node: bytes, role: bytes, digest: bytes) -> bytes:
    return hashlib.blake2b(node + role + digest, digest_size=DIGEST_BYTES).digest()


def _blocks(messages: Iterable[SeenMessage]) -> Iterator[BlockFacts]:
    return (block.facts for message in messages for block in message.blocks)


def _first_prompt(messages: tuple[SeenMessage, ...]) -> BlockFacts:
    """The last text that counts of the first user message: what was typed, or a task's prompt."""
    for message in messages:
        if message.role == "user":
            texts = [block.facts for block in message.blocks if block.facts.kind == "text" and block.facts.digest]
            return texts[-1] if texts else BlockFacts("text")
    return BlockFacts("text")


def _asked(messages: tuple[SeenMessage, ...]) -> str:
    texts = list[str]()
    for message in messages:
        if message.role == "assistant":
            texts = []
        elif message.role == "user":
            texts += [block.facts.text for block in message.blocks if block.facts.kind == "text" and block.facts.digest]
    return texts[-1] if texts else ""


def _continuation(messages: tuple[SeenMessage, ...]) -> str:
    first = next((block.text for block in _blocks(messages) if block.digest is not None), "")
    return first[:SUMMARY_CHARS] if first.startswith(CONTINUATION) else ""


def _answer(message: AssembledMessage | None, node: bytes, *, ended: bool) -> AnswerFacts:
    if message is None:
        return AnswerFacts(_state(message, ended=ended))
    nodes, blocks = list[bytes](), [block_facts(block.value) for block in message.blocks]
    for block in blocks:
        if block.digest is not None:
            node = _next(node, b"a", block.digest)
            nodes.append(node)
    text = "\n".join(block.text for block in blocks)
    found = SUMMARY.search(text)
    return AnswerFacts(
        state=_state(message, ended=ended),
        nodes=tuple(nodes),
        tasks=tuple(block.task for block in blocks if block.task is not None),
        summary=found[1].strip()[:SUMMARY_CHARS] if found else "",
    )


def _state(message: AssembledMessage | None, *, ended: bool) -> AnswerState:
    """A stop reason makes an answer whole for the client, whatever the connection did then."""
    if message is not None and message.stop_reason == "refusal":
        return "refused"
    if message is not None and message.stop_reason is not None:
        return "finished"
    if not ended:
        return "open"
    return "cut" if message is not None and message.blocks else "failed"
