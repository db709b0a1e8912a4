"""What does a client remember of its threads, and how does it send, fail and try again?"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from tests.forest import failures
from tests.forest.answers import Answer, Outcome, whole, without_message_stop
from tests.forest.dialects import Dialect
from tests.forest.requests import (
    AGENT_PROMPT,
    MAIN_PROMPT,
    Call,
    Person,
    Sender,
    body_of,
    headers_of,
    tools_of,
)
from tests.forest.shapes import Block, Message, reminder, text, thinking
from tests.forest.truth import GOES_ON, ROOT, Exchange, Link
from tests.forest.vocabulary import Words
from tests.forest.writing import written

_ENVIRONMENT = "# Environment\n - Platform: linux"


class World:
    """Everything that is sent, by whomever."""

    def __init__(self, random: Random) -> None:
        self.words = Words(random)
        self.exchanges: list[Exchange] = []
        self.move = "start"
        self.trouble = 0.0
        """How often a request fails at first."""
        self.brief = False
        """Requests hold no more than they must."""


@dataclass(frozen=True)
class Point:
    """A place that one can come back to: after an answer."""

    history: tuple[Message, ...]
    exchange: Exchange

    @property
    def quiet(self) -> bool:
        """No tool is pending."""
        return all(block["type"] != "tool_use" for block in self.history[-1].blocks)


@dataclass(eq=False)
class Session:
    """One session of one person."""

    world: World
    person: Person
    dialect: Dialect
    session_id: str
    agents: "list[Thread]" = field(default_factory=list)
    """Finished ones, that can be spoken to again."""
    summary: str = ""
    """The newest; the next one may quote it."""


@dataclass(eq=False)
class Thread:
    """One line of talk: the main one, or an agent's."""

    session: Session
    now: float
    agent: str | None = None
    parent_agent: str | None = None
    main_prompt: bool = True
    """It has the main thread's system prompt and tools."""
    history: list[Message] = field(default_factory=list)
    standing: Link = ROOT
    """The edge of the next request."""
    points: list[Point] = field(default_factory=list)
    is_agent: bool = False

    @property
    def world(self) -> World:
        return self.session.world

    @property
    def words(self) -> Words:
        return self.session.world.words

    @property
    def dialect(self) -> Dialect:
        return self.session.dialect

    @property
    def request_class(self) -> str:
        return "subagent" if self.is_agent else "main"

    @property
    def sender(self) -> Sender:
        session = self.session
        return Sender(session.person, session.dialect, session.session_id, self.agent, self.parent_agent)

    def wait(self, seconds: float) -> None:
        self.now += seconds * self.words.between(0.5, 1.5)

    def remember(self, *blocks: Block) -> None:
        """Something for the model to read."""
        opening = not self.history and not self.dialect.plain
        reminders = [reminder(f"Attribution {n}") for n in range(self.words.random.randint(0, 2))] if opening else []
        self.history.append(Message("user", (*reminders, *blocks)))
        if self.dialect.system_messages and self.words.chance(0.6 if opening else 0.2):
            told = (text(_ENVIRONMENT),) if self.words.chance(0.6) else ()
            self.history.append(Message("system", told))

    def say(self, *blocks: Block, answer: Answer | None = None, faults: Sequence[str] | None = None) -> Exchange:
        self.remember(*blocks)
        return self.hear(answer or self.answer(), faults)

    def hear(self, answer: Answer, faults: Sequence[str] | None = None) -> Exchange:
        """Send what is remembered, as often as it takes, and remember the answer."""
        exchange = self.attempts(self.call(), answer, self.faults() if faults is None else faults)
        if answer.blocks:
            self.history.append(Message("assistant", answer.blocks))
            self.points.append(Point(tuple(self.history), exchange))
        self.standing = Link(GOES_ON, exchange)
        return exchange

    def answer(self, *more: Block, words: str | None = None) -> Answer:
        """Thinking now and then, a text nobody else says, and what else is to be in it."""
        said = words or self.words.fresh(self.words.random.randint(2, 30))
        ends = "\n\n{}\n" if self.words.chance(0.1) else "{}"
        blocks = [] if more and self.words.chance(0.4) else [text(ends.format(said))]
        if self.words.chance(0.05):
            blocks.insert(0, {"type": "redacted_thinking", "data": self.words.hex(40)})
        if self.words.chance(0.3):
            blocks.insert(0, thinking(self.words.word(), self.words.signature()))
        return Answer((*blocks, *more), "tool_use" if more else "end_turn")

    def faults(self) -> list[str]:
        if not self.words.chance(self.world.trouble):
            return []
        return [self.words.random.choice(failures.COMMON) for _ in range(self.words.random.choice([1, 1, 2, 3]))]

    def call(self, history: Sequence[Message] | None = None, marked: int | None = None) -> Call:
        messages = written(self.history if history is None else history, self.dialect, self.words, marked)
        if self.dialect.plain:
            name = self.session.session_id[:4]
            of_user = {"metadata": {"user_id": f"user-{name}"}} if name < "4" else {}
            stream = self.words.chance(0.5) or None
            return Call(messages, max_tokens=1000, stream=stream, extra=of_user, path="/v1/messages")
        system = [MAIN_PROMPT, "Main prompt."] if self.main_prompt else [MAIN_PROMPT, AGENT_PROMPT]
        tools = tools_of(self.dialect, self.words, agent=not self.main_prompt)
        return Call(messages, system, tools[:1] if self.world.brief else tools)

    def attempts(
        self,
        call: Call,
        answer: Answer,
        faults: Sequence[str] = (),
        link: Link | None = None,
        request_class: str = "",
        last: Outcome | None = None,
    ) -> Exchange:
        """The last attempt; those before it failed. All but the first retry the first. ``last``: not just answered."""
        link, request_class = link or self.standing, request_class or self.request_class
        for fault in faults:
            failed = failures.fail(fault, answer, call, self.dialect, self.words)
            exchange = self.send(call, failed.outcome, link, request_class, failed.duration)
            link = link if link.edge == "retries" else Link("retries", exchange)
            call = failed.next_call
            self.now += failed.pause
        if last is None:
            last = whole(answer, self.words, stream=bool(call.stream))
            if call.stream and self.words.chance(0.05):
                last = without_message_stop(answer, self.words)
        return self.send(call, last, link, request_class, self.words.between(0.2, 9.0))

    def send(self, call: Call, outcome: Outcome, link: Link, request_class: str, duration: float) -> Exchange:
        exchange = Exchange(
            move=f"{self.world.move}, {self.dialect}",
            started=self.now,
            ended=self.now + duration,
            path=call.path,
            headers=headers_of(self.sender, call, self.words),
            body=body_of(self.sender, call, self.words),
            outcome=outcome,
            request_class=request_class,
            link=link,
        )
        self.world.exchanges.append(exchange)
        self.now = exchange.ended + self.words.between(0.005, 0.05)
        return exchange

    def step_back(self, point: Point) -> None:
        """As if nothing had been said since."""
        self.history = list(point.history)
        self.standing = Link(GOES_ON, point.exchange)


def quiet_points(thread: Thread) -> list[Point]:
    """Where a person can come back to."""
    return [point for point in thread.points if point.quiet]


def begun(world: World, person: Person, dialect: Dialect, now: float) -> Thread:
    """The main thread of a new session."""
    return Thread(Session(world, person, dialect, world.words.uuid()), now)


def upgraded(thread: Thread, dialect: Dialect) -> None:
    """The session goes on in another version of the client."""
    thread.session.dialect = dialect


def elsewhere(person: Person, words: Words) -> Person:
    """The same person on another device."""
    return replace(person, device=words.hex(64))
