"""What the look-ups of linking must find, found by looking at every exchange."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain.corrections import Standing
from domain.exchange_facts import ExchangeFacts
from domain.link_by_summary import MIN_UNANNOUNCED_CHARS
from domain.linking import is_settled
from domain.linking_facts import Author, Correction, Earlier, Found, PendingTask, Subject, Summary

SPEAKERS = {"main", "subagent"}
OPENERS = {"main", "compaction"}


@dataclass(frozen=True)
class Search:
    """Everything there is, and one request to find something for."""

    one: ExchangeFacts
    everything: Sequence[ExchangeFacts]
    corrections: Mapping[UUID, Standing]

    def subject(self) -> Subject:
        one = self.one
        return Subject(
            moment=one.moment,
            thread=one.thread,
            request_class=one.request_class,
            side=one.classified.side,
            helper=one.classified.helper,
            history=one.history,
            depth=len(one.path),
            held=one.held,
            opening=one.opening if any(other.answer.summary for other in self.named_alike()) else "",
            continuation=one.continuation,
        )

    def found(self) -> Found:
        near = Found(
            correction=self.correction(), attempts=self.attempts(), holders=self.holders(), askers=self.askers()
        )
        if is_settled(self.subject(), near):
            return near
        moments = [one.moment for one in self.before(self.session()) if self._stands_before(one)]
        return replace(
            near,
            strangers=self.strangers(),
            cut_strangers=self.cut_strangers(),
            donors=self.donors(),
            authors=self.authors(),
            tasks=self.tasks(),
            rivals=self.rivals(),
            summaries=self.summaries(),
            newest=max(moments, default=None),
        )

    def named_alike(self) -> list[ExchangeFacts]:
        """Its session, or all without one."""
        return [other for other in self.everything if other.thread.session == self.one.thread.session]

    def session(self) -> list[ExchangeFacts]:
        return self.named_alike() if self.one.thread.session is not None else []

    def before(self, others: Sequence[ExchangeFacts]) -> list[ExchangeFacts]:
        return sorted((one for one in others if one.moment < self.one.moment), key=lambda one: one.moment)

    def mine(self) -> list[ExchangeFacts]:
        """Earlier ones of the thread; only a helper goes on from helpers."""
        own = [other for other in self.before(self.everything) if other.thread == self.one.thread]
        return [other for other in own if self.one.classified.helper or not other.classified.helper]

    def attempts(self) -> list[Earlier]:
        node = self.one.request_node
        return [_earlier(other, 0) for other in self.mine() if node is not None and other.request_node == node]

    def _held_depth(self) -> int:
        ends = {other.answer_node for other in self.mine()}
        return max((depth for depth, node in enumerate(self.one.path, 1) if node in ends), default=0)

    def holders(self) -> list[Earlier]:
        depth = self._held_depth()
        end = self.one.path[depth - 1] if depth else None
        return [_earlier(other, depth) for other in self.mine() if end is not None and other.answer_node == end]

    def askers(self) -> list[Earlier]:
        """Not above the deepest answer that is held, and not with the same messages."""
        depths = {node: depth for depth, node in enumerate(self.one.path[:-1], 1) if depth >= self._held_depth()}
        found = ((other, depths.get(other.request_node or b"")) for other in self.mine())
        return [_earlier(other, depth) for other, depth in found if depth is not None]

    def _may_fork(self) -> bool:
        """The first of its session's main thread that bears a history."""

        def bears_history(one: ExchangeFacts) -> bool:
            return one.history and one.thread.agent is None and one.request_class in OPENERS

        session = self.session()
        return bool(session) and bears_history(self.one) and not any(map(bears_history, self.before(session)))

    def _elsewhere(self) -> list[ExchangeFacts]:
        if not self._may_fork():
            return []
        own = {None, self.one.thread.session}
        others = [other for other in self.before(self.everything) if other.thread.session not in own]
        return [other for other in others if other.thread.agent is None]

    def _deepest(self, others: Sequence[ExchangeFacts]) -> list[Earlier]:
        """Those whose answer ends furthest down on its path, but not at the end."""
        ends = {other.answer_node for other in others}
        depth = max((depth for depth, node in enumerate(self.one.path[:-1], 1) if node in ends), default=0)
        known = [other for other in others if depth and other.answer_node == self.one.path[depth - 1]]
        return [self._seen_from_here(other, depth) for other in known]

    def _seen_from_here(self, other: ExchangeFacts, depth: int) -> Earlier:
        return replace(_earlier(other, depth), same_device=other.device == self.one.device)

    def strangers(self) -> list[Earlier]:
        others = self._elsewhere()
        signed = {other.moment: other.signed == self.one.held.signed for other in others}
        return [replace(one, same_signatures=signed[one.moment]) for one in self._deepest(others)]

    def cut_strangers(self) -> list[Earlier]:
        held = self.one.held
        cut = [other for other in self._elsewhere() if other.answer.state == "cut" and held.before_depth > 0]
        return [self._seen_from_here(other, held.before_depth) for other in cut if other.request_node == held.before]

    def donors(self) -> list[Earlier]:
        """Of an agent's very first request: other threads of the session."""
        one, session = self.one, self.before(self.session())
        if not one.history or one.thread.agent is None or any(other.thread == one.thread for other in session):
            return []
        return [replace(donor, same_device=True) for donor in self._deepest(session)]

    def authors(self) -> list[Author]:
        held = self.one.held
        own = [other for other in self.before(self.session()) if other.thread == self.one.thread and held.depth]
        own = [other for other in own if other.request_class != "auxiliary" or other.classified.side]
        by_call = [other for other in own if set(other.answer.tool_uses) & set(held.tool_uses)]
        contents = {held.content, held.last_content} - {None}
        by_content = [other for other in own if other.answer.content in contents]
        if by_call:
            return [Author(by_call[-1].moment, "tool use id")]
        return [Author(by_content[-1].moment, "equal answer")] if by_content else []

    def tasks(self) -> list[PendingTask]:
        one, agents = self.one, dict[str, str]()
        for agent, name in sorted((m.agent, m.tool_use_id) for other in self.session() for m in other.mentions):
            agents.setdefault(name, agent)
        mentions = [m for other in self.session() for m in other.mentions]
        told = {m.tool_use_id for m in mentions if m.agent == one.thread.agent}
        given = set(one.held.tool_uses) if one.thread.agent is not None else set()
        return [
            PendingTask(
                other.moment,
                task.tool_use_id,
                agents.get(task.tool_use_id),
                ran=other.answer.state not in {"cut", "failed", "refused"},
            )
            for other in sorted(self.session(), key=lambda each: each.moment)
            for task in other.answer.tasks
            if (task.prompt == one.prompt and not one.history) or task.tool_use_id in told | given
            if not _is_alone(other)
        ]

    def rivals(self) -> list[Earlier]:
        one = self.one
        asked = any(task.prompt == one.prompt for other in self.session() for task in other.answer.tasks)
        return [
            _earlier(other, 0)
            for other in self.before(self.session())
            if asked and not one.history and not other.history and other.prompt == one.prompt
            and (other.thread.agent is None or other.thread.agent != one.thread.agent)
            and (one.classified.helper or not other.classified.helper) and not _is_alone(other)
        ]  # fmt: skip

    def summaries(self) -> list[Summary]:
        own = [other for other in self.before(self.session()) if other.answer.summary]
        asked = self.one.continuation or self.one.opening
        found = [Summary(other.moment, other.answer.summary, other.thread.agent) for other in own] if asked else []
        return [*found, *self._summaries_elsewhere()]

    def _summaries_elsewhere(self) -> list[Summary]:
        """The newest that is handed on in so many words, for what opens the main thread of a session."""
        one, session = self.one, self.session()
        opened = any(other.request_class in OPENERS for other in self.before(session) if other.thread.agent is None)
        if one.thread.agent is not None or one not in session or opened:
            return []
        found = [
            Summary(other.moment, other.answer.summary, same_session=False)
            for other in self.before(self.everything)
            if other.thread.session not in {None, one.thread.session} and other.thread.agent is None
            and len(other.answer.summary) >= MIN_UNANNOUNCED_CHARS and other.answer.summary in one.continuation
        ]  # fmt: skip
        return found[-1:]

    def _stands_before(self, other: ExchangeFacts) -> bool:
        one = self.one
        if one.history:
            return other.request_class in SPEAKERS and other.thread.agent == one.thread.agent
        return (
            one.thread.agent is not None and other.request_class in SPEAKERS and other.thread.agent == one.parent_agent
        )

    def correction(self) -> Correction | None:
        said = self.corrections.get(self.one.request_id)
        if said is None or not said.stands:
            return None
        if said.parent is None:
            return Correction(said.who, said.why, None)
        parents = [other for other in self.everything if other.request_id == said.parent]
        return next((Correction(said.who, said.why, p.moment, p.thread, p.request_class) for p in parents), None)


def _is_alone(facts: ExchangeFacts) -> bool:
    """Auxiliary for good."""
    return facts.request_class == "auxiliary" and not facts.classified.side and not facts.classified.helper


def _earlier(facts: ExchangeFacts, depth: int) -> Earlier:
    return Earlier(
        moment=facts.moment,
        thread=facts.thread,
        state=facts.answer.state,
        depth=depth,
        ended_at=facts.answer.ended_at,
        empty=facts.answer.content is None,
        prompted=bool(facts.asked),
        cut_text=facts.answer.cut_text,
        tool_uses=facts.answer.tool_uses,
    )
