"""Exchanges in few letters, so that much of one is equal to much of others; and a search through all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from hypothesis import strategies as st

from domain.answer_facts import AnswerFacts, AnswerState
from domain.blocks import AgentMention, Task
from domain.classification import Classified, Evidence
from domain.corrections import Standing
from domain.exchange_facts import ExchangeFacts, Moment, Thread
from domain.held_answers import HeldAnswer
from domain.phrases import CONTINUATION

T0 = datetime(2026, 11, 22, tzinfo=UTC)
EVIDENCE = Evidence("kind", "detail")
Kind = Literal["main", "subagent", "compaction", "aside", "helper", "alone"]
KINDS: dict[Kind, Classified] = {
    "main": Classified("main", EVIDENCE),
    "subagent": Classified("subagent", EVIDENCE),
    "compaction": Classified("compaction", EVIDENCE),
    "aside": Classified("auxiliary", EVIDENCE, side=True),
    "helper": Classified("auxiliary", EVIDENCE, helper=True),
    "alone": Classified("auxiliary", EVIDENCE),
}


def node(path: str) -> bytes:
    """A node of a little trie: the letters that lead to it."""
    return path.encode().ljust(16, b".")


@dataclass(frozen=True, kw_only=True)
class Invented:
    """One exchange. What is equal for two of them may be found."""

    number: int
    session: str | None = "s1"
    agent: str | None = None
    parent_agent: str | None = None
    device: str | None = None
    kind: Kind = "main"
    path: str = "a"
    history: bool = False
    held_depth: int = 0
    held_content: str = ""
    held_last_content: str = ""
    held_signed: str = ""
    held_tool_uses: tuple[str, ...] = ()
    prompt: str = ""
    opening: str = ""
    continuation: str = ""
    mentions: tuple[tuple[str, str], ...] = ()
    """(agent, tool use id)."""
    answer: str = ""
    """Letters of its nodes."""
    content: str = ""
    tool_uses: tuple[str, ...] = ()
    tasks: tuple[tuple[str, str], ...] = ()
    """(tool use id, prompt)."""
    state: AnswerState = "finished"
    signed: str = ""
    cut_text: str = ""
    summary: str = ""
    lasted: int | None = 0

    @property
    def moment(self) -> Moment:
        """Of two neighbours the receptions are equal."""
        return Moment(T0 + timedelta(seconds=self.number // 2), UUID(int=self.number))

    @property
    def facts(self) -> ExchangeFacts:
        nodes = self._nodes(0, self.path)
        return ExchangeFacts(
            moment=self.moment,
            scope="scope",
            thread=Thread(self.session, self.agent),
            parent_agent=self.parent_agent,
            device=self.device,
            classified=KINDS[self.kind],
            path=nodes,
            history=self.history,
            held=self._held(nodes),
            prompt=_digest(self.prompt),
            title="title",
            asked="typed" if self.number % 3 else "",
            opening=self.opening,
            continuation=self.continuation,
            mentions=tuple(AgentMention(agent, name) for agent, name in self.mentions),
            signed=_digest(self.signed),
            answer=self._answer(),
        )

    def _nodes(self, start: int, path: str) -> tuple[bytes, ...]:
        root = "/" if self.kind == "alone" else ""
        return tuple(node(root + path[: n + 1]) for n in range(start, len(path)))

    def _held(self, nodes: Sequence[bytes]) -> HeldAnswer:
        depth = min(self.held_depth, len(nodes))
        before = max(depth - 1, 0)
        return HeldAnswer(
            before=nodes[before - 1] if before else b"",
            before_depth=before,
            depth=depth,
            content=_digest(self.held_content),
            last_content=_digest(self.held_last_content),
            tool_uses=self.held_tool_uses if depth else (),
            signed=_digest(self.held_signed),
        )

    def _answer(self) -> AnswerFacts:
        ahead = self.path + self.answer
        return AnswerFacts(
            state=self.state,
            ended_at=None if self.lasted is None else self.moment.received_at + timedelta(seconds=self.lasted),
            nodes=self._nodes(len(self.path), ahead),
            content=_digest(self.content),
            tool_uses=self.tool_uses,
            tasks=tuple(Task(name, node(prompt), "t", "d") for name, prompt in self.tasks),
            summary=self.summary if self.kind == "compaction" else "",
            cut_text=self.cut_text if self.state == "cut" else "",
        )


def _digest(name: str) -> bytes | None:
    return node(name) if name else None


PATHS = ("a", "ab", "aba", "aa", "aaba", "abab")
"""Few, so that most of them are beginnings of others."""
tools = st.sampled_from(["t1", "t2", "t3"])
prompts = st.sampled_from(["p", "q"])
agents = st.sampled_from(["a1", "a2"])
maybe_agent = st.none() | agents
signatures = st.sampled_from(["", "", "s", "S"])
some_tools = st.lists(tools, max_size=2).map(tuple)


@st.composite
def invented(draw: st.DrawFn, number: int) -> Invented:
    kind: Kind = draw(st.sampled_from(["main", *KINDS]))
    one = Invented(
        number=number,
        session=draw(st.sampled_from([None, "s1", "s1", "s1", "s2"])),
        agent=draw(st.sampled_from([None, None, "a1", "a2"])),
        parent_agent=draw(maybe_agent),
        device=draw(st.sampled_from([None, "d1"])),
        kind=kind,
        path=draw(st.sampled_from(PATHS)),
        history=draw(st.booleans()),
        held_depth=draw(st.integers(0, 5)),
        held_content=draw(st.sampled_from(["", "x", "y"])),
        held_last_content=draw(st.sampled_from(["", "x", "y"])),
        held_signed=draw(signatures),
        held_tool_uses=draw(some_tools),
        prompt=draw(st.sampled_from(["", "p", "q"])),
        opening=draw(st.sampled_from(["", "kept" * 20, "other"])),
        continuation=draw(st.sampled_from(["", "", f"{CONTINUATION}: kept", f"{CONTINUATION}: {'kept' * 20}"])),
        mentions=draw(st.lists(st.tuples(agents, tools), max_size=2).map(tuple)),
        answer=draw(st.sampled_from(["", "a", "b", "ba"])),
        content=draw(st.sampled_from(["", "x", "y"])),
        tool_uses=draw(some_tools),
        tasks=draw(st.lists(st.tuples(tools, prompts), max_size=2).map(tuple)),
        state=draw(st.sampled_from(["finished", "failed", "open", "cut", "refused"])),
        signed=draw(signatures),
        cut_text=draw(st.sampled_from(["", "abc"])),
        summary=draw(st.sampled_from(["", "kept", "kept" * 20])),
        lasted=draw(st.sampled_from([None, 0, 2])),
    )
    return alone(one) if kind == "alone" else one


def alone(one: Invented) -> Invented:
    """What is auxiliary for good has no path, and its answer stands where no other's does."""
    return replace(one, path="", held_depth=0)


def forests(most: int = 9) -> st.SearchStrategy[tuple[Invented, ...]]:
    return st.integers(1, most).flatmap(lambda count: st.tuples(*(invented(n) for n in range(1, count + 1))))


def corrections(most: int = 9) -> st.SearchStrategy[Mapping[UUID, Standing]]:
    """What people said, by request; some requests and parents are not known (yet)."""
    ids = st.integers(1, most).map(lambda number: UUID(int=number))
    said = st.builds(Standing, ids, st.none() | ids, st.just("ada"), st.just("seen it"), st.booleans())
    return st.lists(said, max_size=2, unique_by=lambda one: one.request_id).map(
        lambda found: {one.request_id: one for one in found}
    )
