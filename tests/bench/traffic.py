"""What is asked of the targets? Requests of Claude Code's shapes and sizes, as files for the load generator."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import captures
from tests.bench.load import MARKER, SESSION, Request, Script, request, write_scripts
from tests.captures import Captured
from tests.source_tree import ROOT

DEVICE = f"{'d' * 56}{MARKER}"
"""A scope for each script: nothing is shared between two of them."""
ANSWER_TEXT = "It fits into one packet, as small answers do, and says what it has to say in a sentence."
"""What answer.h lets the upstream say."""
GROWTH = 3_920
"""Characters that are new in a turn: 200 turns send 100 MB."""
_KEPT_HEADERS = {"content-type", "user-agent", "anthropic-beta", "anthropic-version", "x-app", "accept"}
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DEVICE = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True)
class Traffic:
    """Files of scripts, and the answers that some of them want."""

    small: Path
    streams: Path
    paced: Path
    idle: Path
    large: Path
    growing: Path
    mix: Path
    fresh: Path
    live: Path
    canned: Path
    large_bytes: int
    growing_requests: int
    mix_requests: int
    fresh_bytes: int
    """New ones, in a request of ``fresh``."""


def small_body(*, text: str = "", stream: bool = False) -> bytes:
    """2.5 kB: two system blocks, a tool and a question that nobody has asked before."""
    user = json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": SESSION})
    asked = {
        "model": "claude-bench", "max_tokens": 32000, "stream": stream, "metadata": {"user_id": user},
        "system": [
            {"type": "text", "text": "You are Claude Code, a command line tool of Anthropic. " * 3},
            {"type": "text", "text": "Keep to what was asked, and say what was done. " * 24},
        ],
        "tools": [{"name": "Read", "description": "Reads a file. " * 20, "input_schema": {"type": "object"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": f"Question {MARKER}: {text}why?"}]}],
    }  # fmt: skip
    return json.dumps(asked).encode()


def large_body(messages: int = 399, chars: int = 1940) -> bytes:
    """800 kB, as a late turn of a long session: all but the last message was sent before."""
    asked = json.loads(small_body(stream=True))
    words = "The quick brown fox reads the file and reports what it has found there. "
    asked["messages"] = [
        {"role": "user" if n % 2 == 0 else "assistant",
         "content": [{"type": "text", "text": f"{n}: {(words * (chars // len(words) + 1))[:chars]}"}]}
        for n in range(messages - 1)
    ] + asked["messages"]  # fmt: skip
    return json.dumps(asked).encode()


def session(turns: int, chars: int, library: "Library") -> Script:
    """A session of Claude Code's frame whose every turn sends all that was said before, and a file of that length."""
    asked = json.loads(small_body().replace(b"d" * 64, DEVICE.encode()))
    asked["system"].append({"type": "text", "text": library.read(9_000)})
    asked["tools"] = [
        {"name": f"Tool{n}", "description": library.read(3_500), "input_schema": {"type": "object"}} for n in range(14)
    ]
    asked["messages"] = []
    script = list[Request]()
    for turn in range(turns):
        said = {"type": "text", "text": f"{turn}: {library.read(chars)}"}
        asked["messages"].append({"role": "user", "content": [said]})
        script.append(Request(request(json.dumps(asked).encode(), "json"), "json"))
        asked["messages"].append({"role": "assistant", "content": [{"type": "text", "text": ANSWER_TEXT}]})
    return script


@dataclass
class Library:
    """Text as people have it in their sessions: this project's own files, from the first to the last, then again."""

    text: str
    at: int = 0

    @classmethod
    def of_this_project(cls) -> "Library":
        files = sorted(path for path in ROOT.glob("[dgpot]*/**/*.py") if ".venv" not in path.parts)
        return cls("".join(path.read_text() for path in files))

    def read(self, chars: int) -> str:
        if self.at + chars > len(self.text):
            self.at = 0
        self.at += chars
        return self.text[self.at - chars : self.at]


def capture_scripts() -> tuple[list[Script], list[bytes]]:
    """Every capture as a script, in a scope of its own each time it is played; and the answers it wants, as sent."""
    scripts, canned = list[Script](), list[bytes]()
    for name in captures.names():
        script = list[Request]()
        for one in captures.exchanges(name):
            if not one.status:
                continue  # it never got an answer
            script.append(_played(one, len(canned)))
            canned.append(_answer(one))
        scripts.append(script)
    return scripts, canned


def _played(one: Captured, number: int) -> Request:
    headers = [(name, value) for name, value in one.headers if name.lower() in _KEPT_HEADERS]
    headers += [
        (name, own_ids(value.encode()).decode()) for name, value in one.headers if name.lower().startswith("x-claude")
    ]
    headers.append(("x-api-key", f"sk-ant-bench-{MARKER}"))
    kind = f"canned-{number}"
    return Request(request(own_ids(one.body), kind, headers), kind, one.status, one.answer)


def own_ids(text: bytes) -> bytes:
    """The end of every UUID and device becomes the script's own."""
    cut = len(MARKER)
    text = _UUID.sub(lambda found: found[0][:-cut] + MARKER.encode(), text)
    return _DEVICE.sub(lambda found: found[0][:-cut] + MARKER.encode(), text)


def _answer(one: Captured) -> bytes:
    head = (
        f"HTTP/1.1 {one.status} Bench\r\nContent-Type: {one.content_type}\r\nrequest-id: req_011bench{one.n:016}\r\n"
        f"Content-Length: {len(one.answer)}\r\n\r\n"
    )
    return head.encode() + one.answer


def make(folder: Path, *, turns: int) -> Traffic:
    """Write all files into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    scripts, canned = capture_scripts()
    answers = folder / "canned"
    answers.write_bytes(b"".join(b"%d\n%b" % (len(one), one) for one in canned))
    large = large_body()
    library = Library.of_this_project()
    growing = session(turns, GROWTH, library)
    fresh = [session(4, 40_000, library) for _ in range(16)]

    def one(name: str, body: bytes, kind: str) -> Path:
        return write_scripts(folder / name, [[Request(request(body, kind), kind)]])

    def many(name: str, scripts: Sequence[Script]) -> Path:
        return write_scripts(folder / name, scripts)

    return Traffic(
        small=one("small", small_body(), "json"),
        streams=one("streams", small_body(stream=True), "stream-200-0"),
        paced=one("paced", small_body(stream=True), "stream-50-20000"),
        idle=one("idle", small_body(stream=True), "stream-20-250000"),
        large=one("large", large, "stream-200-0"),
        growing=many("growing", [growing]),
        mix=many("mix", scripts),
        fresh=many("fresh", fresh),
        live=one("live", small_body(stream=True), "stream-20-25000"),
        canned=answers,
        large_bytes=len(large),
        growing_requests=len(growing),
        mix_requests=sum(map(len, scripts)),
        fresh_bytes=len(fresh[0][-1].raw) // len(fresh[0]),
    )
