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
from domain.held_answers import HeldAnswer, TextPrint

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
    summary: str = ""
    lasted: int | None = 0

    @property
    def moment(self) -> Moment:
        """Of two neighbours the receptions are equal."""
        return Moment(T0 + timedelta(seconds=self.number // 2), UUID(int=self.number))

    @property
    def facts(self) -> ExchangeFacts:
        nodes = tuple(node(self.path[: n + 1]) for n in range(len(self.path)))
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
            prompt=node(self.prompt) if self.prompt else None,
            title="title",
            asked="",
            opening=self.opening,
            continuation=self.continuation,
            mentions=tuple(AgentMention(agent, name) for agent, name in self.mentions),
            answer=self._answer(),
        )

    def _held(self, nodes: Sequence[bytes]) -> HeldAnswer:
        depth = min(self.held_depth, len(nodes))
        before = max(depth - 1, 0)
        content = node(self.held_content) if self.held_content else None
        stands_on = nodes[before - 1] if before else b""
        return HeldAnswer(stands_on, before, depth, content, TextPrint(), self.held_tool_uses if depth else ())

    def _answer(self) -> AnswerFacts:
        ahead = self.path + self.answer
        return AnswerFacts(
            state=self.state,
            ended_at=None if self.lasted is None else self.moment.received_at + timedelta(seconds=self.lasted),
            nodes=tuple(node(ahead[: n + 1]) for n in range(len(self.path), len(ahead))),
            content=node(self.content) if self.content else None,
            tool_uses=self.tool_uses,
            tasks=tuple(Task(name, node(prompt), "t", "d") for name, prompt in self.tasks),
            summary=self.summary if self.kind == "compaction" else "",
        )


PATHS = ("a", "ab", "aba", "aa", "aaba", "abab")
"""Few, so that most of them are beginnings of others."""
tools = st.sampled_from(["t1", "t2", "t3"])
prompts = st.sampled_from(["p", "q"])
agents = st.sampled_from(["a1", "a2"])
maybe_agent = st.none() | agents
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
        held_tool_uses=draw(some_tools),
        prompt=draw(st.sampled_from(["", "p", "q"])),
        opening=draw(st.sampled_from(["", "kept" * 20, "other"])),
        continuation=draw(st.sampled_from(["", "", "This session … kept"])),
        mentions=draw(st.lists(st.tuples(agents, tools), max_size=2).map(tuple)),
        answer=draw(st.sampled_from(["", "a", "b", "ba"])),
        content=draw(st.sampled_from(["", "x", "y"])),
        tool_uses=draw(some_tools),
        tasks=draw(st.lists(st.tuples(tools, prompts), max_size=2).map(tuple)),
        state=draw(st.sampled_from(["finished", "failed", "open", "cut", "refused"])),
        summary=draw(st.sampled_from(["", "kept", "kept" * 20])),
        lasted=draw(st.sampled_from([None, 0, 2])),
    )
    return alone(one) if kind == "alone" else one


def alone(one: Invented) -> Invented:
    """What is auxiliary for good has no path."""
    return replace(one, path="", held_depth=0)


def forests(most: int = 9) -> st.SearchStrategy[tuple[Invented, ...]]:
    return st.integers(1, most).flatmap(lambda count: st.tuples(*(invented(n) for n in range(1, count + 1))))


def untouching(forest: Sequence[Invented]) -> list[Invented]:
    """Without what is known to be missed by who is touched (``HOLES`` of the candidates' tests)."""
    fork_agents = any(one.history and one.agent is not None for one in forest)
    safe = [replace(one, mentions=()) if fork_agents else one for one in forest]
    return [replace(one, tasks=(), prompt="", content="", tool_uses=()) if one.kind == "alone" else one for one in safe]


def corrections(most: int = 9) -> st.SearchStrategy[Mapping[UUID, Standing]]:
    """What people said, by request; some requests and parents are not known (yet)."""
    ids = st.integers(1, most).map(lambda number: UUID(int=number))
    said = st.builds(Standing, ids, st.none() | ids, st.just("ada"), st.just("seen it"), st.booleans())
    return st.lists(said, max_size=2, unique_by=lambda one: one.request_id).map(
        lambda found: {one.request_id: one for one in found}
    )
