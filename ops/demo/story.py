"""In which words is a story told? What a person asks, what the model says and does, what goes wrong.

A ``Step`` is one turn of the model: it speaks, and its tool calls carry what the tool will say. The person's client
plays the steps one after the other; everything on the wire follows from them.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from ops.demo.answers import Fails
from ops.demo.blocks import Json

Picture = bytes
"""A PNG."""


@dataclass(frozen=True, slots=True)
class Thought:
    """The model thinks."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """The model uses a tool, and this is what comes of it."""

    tool: str
    input: Mapping[str, Json]
    result: str | Picture
    failed: bool | None = None
    """What the result says about it; None: this tool does not say."""
    takes_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Delegate:
    """The model starts a sub-task."""

    description: str
    prompt: str
    steps: "tuple[Step, ...]"
    """What the agent does; the text of its last step is its report."""
    kind: str = "general-purpose"
    background: bool = False
    afterwards: "tuple[Step, ...]" = ()
    """What the parent does when a background agent has ended."""


Said = str | Thought | Call | Delegate


@dataclass(frozen=True, slots=True)
class BreaksOff:
    """Trouble: an error event in the middle of the stream."""

    after: int = 12
    """Deltas."""


@dataclass(frozen=True, slots=True)
class Declines:
    """Trouble: the model refuses; the client asks once more."""


Trouble = Fails | BreaksOff | Declines


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the model."""

    says: tuple[Said, ...]
    troubles: tuple[Trouble, ...] = ()
    """What goes wrong before the answer comes through."""
    pause_s: float = 1.2
    forgets: bool = False
    """The prompt cache has run out."""
    interrupted_after: int | None = None
    """The person presses Escape after so many deltas."""


def step(
    *says: Said,
    pause_s: float = 1.2,
    troubles: tuple[Trouble, ...] = (),
    forgets: bool = False,
    interrupted_after: int | None = None,
) -> Step:
    return Step(says, troubles, pause_s, forgets, interrupted_after)


def overloaded() -> Fails:
    return Fails(529, "overloaded_error", "Overloaded")


def rate_limited(retry_after_s: int) -> Fails:
    return Fails(
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 2,000,000 input tokens per minute.",
        {
            "retry-after": str(retry_after_s),
            "x-should-retry": "true",
            "anthropic-ratelimit-input-tokens-remaining": "0",
        },
    )


def bash(command: str, result: str, *, exit_code: int = 0, takes_s: float = 1.2) -> Call:
    """Run something in the shell."""
    text = plain(result)
    said = f"Exit code {exit_code}\n{text}" if exit_code else text
    described: dict[str, Json] = {"command": command, "description": command.partition("|")[0].strip()[:60]}
    return Call("Bash", described, said, failed=exit_code != 0, takes_s=takes_s)


def read(path: str, content: str, *, first_line: int = 1) -> Call:
    """Read a file; the result numbers its lines."""
    lines = plain(content).splitlines()
    numbered = "\n".join(f"{number}\t{line}" for number, line in enumerate(lines, first_line))
    place: dict[str, Json] = {"file_path": path}
    if first_line > 1:
        place |= {"offset": first_line, "limit": len(lines)}
    return Call("Read", place, numbered, takes_s=0.3)


def see(path: str, picture: Picture) -> Call:
    """Read a picture."""
    return Call("Read", {"file_path": path}, picture, takes_s=0.4)


def edit(path: str, old: str, new: str) -> Call:
    old, new = plain(old), plain(new)
    return Call(
        "Edit",
        {"file_path": path, "old_string": old, "new_string": new, "replace_all": False},
        f"The file {path} has been updated.",
        takes_s=0.3,
    )


def write(path: str, content: str) -> Call:
    return Call("Write", {"file_path": path, "content": plain(content)}, f"File created at: {path}", takes_s=0.3)


def grep(pattern: str, path: str, result: str) -> Call:
    asked: dict[str, Json] = {"pattern": pattern, "path": path, "output_mode": "content", "-n": True}
    return Call("Grep", asked, plain(result), takes_s=0.4)


def todos(*items: tuple[str, str]) -> Call:
    """The list of what is to be done: (what, its state)."""
    listed: list[Json] = [{"content": what, "status": state, "activeForm": what} for what, state in items]
    return Call("TodoWrite", {"todos": listed}, "The list was updated. Go on with the current task.", takes_s=0.1)


def plain(text: str) -> str:
    """A block of text as it stands in the source, without its indentation."""
    return textwrap.dedent(text).strip("\n")
