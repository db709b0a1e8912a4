"""Which moves are there, and which versions can make them?"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.forest import agents, branching, compaction, sides, talk
from tests.forest.client import Thread
from tests.forest.dialects import EVERY, Dialect

Play = Callable[[Thread], object]
Can = Callable[[Dialect], bool]


@dataclass(frozen=True)
class Move:
    """Something a person or a client does on a main thread that is at rest, and is at rest again after it."""

    play: Play
    can: Can
    weight: float = 1.0
    """How often, in a forest."""

    @property
    def name(self) -> str:
        return self.play.__name__


def _everybody(_: Dialect) -> bool:
    return True


def _claude(dialect: Dialect) -> bool:
    return not dialect.plain


def _plain(dialect: Dialect) -> bool:
    return dialect.plain


def _modern(dialect: Dialect) -> bool:
    return not dialect.plain and not dialect.old


def _old(dialect: Dialect) -> bool:
    return dialect.old


def _named_agents(dialect: Dialect) -> bool:
    return dialect.agent_headers


MOVES = (
    Move(talk.prompt, _everybody, 6),
    Move(talk.tools, _everybody, 4),
    Move(talk.limit_hit, _everybody),
    Move(talk.paused, _plain),
    Move(talk.refused, _everybody),
    Move(talk.empty_answer, _claude),
    Move(talk.interrupted, _claude, 2),
    Move(talk.interrupted_at_once, _claude),
    Move(talk.interrupted_before_headers, _claude),
    Move(talk.interrupted_and_resumed, lambda dialect: dialect.synthetic_answers),
    Move(talk.interrupted_and_sent_again, _everybody),
    Move(talk.gave_up, _claude),
    Move(talk.rejected_tool, _claude),
    Move(talk.quoted_phrases, _claude),
    Move(branching.rewind, _everybody, 2),
    Move(branching.rewind_to_start, _claude, 0.5),
    Move(branching.many_branches, _everybody),
    Move(branching.same_again, _everybody),
    Move(branching.resumed_later, _claude),
    Move(branching.fork_and_go_on, _claude),
    Move(branching.fork_twice, _claude),
    Move(branching.fork_of_a_cut_answer, _claude),
    Move(branching.fork_into_newer, _claude),
    Move(agents.one_agent, _claude, 2),
    Move(agents.agents_side_by_side, _claude),
    Move(agents.twin_agents, _claude),
    Move(agents.same_task_later, _claude),
    Move(agents.echoed_prompt, _claude),
    Move(agents.interrupted_agent, _claude),
    Move(agents.task_in_a_broken_stream, _claude),
    Move(agents.nested_agents, lambda dialect: dialect.nested_agents),
    Move(agents.background_agents, lambda dialect: dialect.background, 2),
    Move(agents.fork_agents, lambda dialect: dialect.fork_agents, 2),
    Move(agents.fork_agents_of_a_summary, lambda dialect: dialect.fork_agents),
    Move(agents.follow_up, _named_agents),
    Move(agents.agent_compacts, _claude),
    Move(compaction.compact_by_hand, _claude),
    Move(compaction.compact_before_prompt, _claude),
    Move(compaction.compact_mid_turn, _claude),
    Move(compaction.compact_twice, _claude),
    Move(compaction.compact_without_newest, _claude),
    Move(compaction.compact_from_here, _modern),
    Move(compaction.compact_up_to_here, _modern),
    Move(compaction.too_long, _claude),
    Move(compaction.resumed_twice, _claude),
    Move(compaction.fork_after_compact, _claude),
    Move(sides.aside, _modern, 2),
    Move(sides.title, _claude),
    Move(sides.quota, _claude),
    Move(sides.web_search, _claude),
    Move(sides.classifier, _claude),
    Move(sides.helpers, _old),
    Move(sides.warmup, _old),
    Move(sides.phantom, _old),
    Move(sides.count_tokens, _claude),
    Move(sides.failed_title, _claude),
)
SCENARIOS = tuple((move, dialect) for move in MOVES for dialect in EVERY if move.can(dialect))
