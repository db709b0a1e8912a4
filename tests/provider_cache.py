"""What would the provider's prompt cache have read? A small one, written from its documentation alone.

Entries live for their lifetime since they were last used. A request reads the longest entry that ends at one of the
twenty places at or before one of its marks, and writes an entry at every mark behind that.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

LIVES = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1)}
PLACES = 20
BILLING = "x-anthropic-billing-header:"
FOR_MESSAGES = ("thinking", "tool_choice", "output_config", "speed")
"""Members of a body that messages are cached under, beside what stands before them."""


@dataclass
class Entry:
    """What lies in the cache."""

    lifetime: str
    until: datetime


@dataclass
class Block:
    """One block and the whole prompt up to it."""

    digest: str
    tokens: int
    """Up to here."""
    lifetime: str | None
    """Of its mark."""


@dataclass
class ProviderCache:
    """One provider."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def forget(self) -> None:
        self.entries.clear()

    def usage(self, body: bytes, at: datetime, account: str = "", betas: str = "") -> dict[str, Any]:
        """The bill of a request that is answered now."""
        asked = json.loads(body)
        blocks = _blocks(asked, f"{account}|{asked.get('model')}|{betas}")
        marks = [place for place, block in enumerate(blocks) if block.lifetime]
        read = max((found for mark in marks if (found := self._found(blocks, mark, at)) is not None), default=-1)
        written = {"5m": 0, "1h": 0}
        for place in range(read + 1):
            entry = self.entries.get(blocks[place].digest)
            if entry is not None and entry.until >= at:
                entry.until = at + LIVES[entry.lifetime]
        paid = blocks[read].tokens if read >= 0 else 0
        read_tokens = paid
        for mark in marks:
            block = blocks[mark]
            if mark > read and block.lifetime:
                written[block.lifetime] += block.tokens - paid
                paid = block.tokens
                self.entries[block.digest] = Entry(block.lifetime, at + LIVES[block.lifetime])
        total = blocks[-1].tokens if blocks else 0
        return {
            "input_tokens": total - paid,
            "output_tokens": 5,
            "cache_read_input_tokens": read_tokens,
            "cache_creation_input_tokens": sum(written.values()),
            "cache_creation": {
                "ephemeral_5m_input_tokens": written["5m"],
                "ephemeral_1h_input_tokens": written["1h"],
            },
        }

    def _found(self, blocks: list[Block], mark: int, at: datetime) -> int | None:
        for place in range(mark, max(-1, mark - PLACES), -1):
            entry = self.entries.get(blocks[place].digest)
            if entry is not None and entry.until >= at:
                return place
        return None


def _blocks(asked: dict[str, Any], key: str) -> list[Block]:
    found, so_far, tokens = list[Block](), hashlib.sha256(key.encode()), 0
    for where, block in sequence(asked):
        so_far.update(_said(where, block).encode())
        tokens += tokens_of(where, block)
        control = block.get("cache_control")
        found.append(Block(so_far.hexdigest(), tokens, control.get("ttl", "5m") if control else None))
    return found


def tokens_of(where: str, block: dict[str, Any]) -> int:
    """Of one block, by no share of its bytes that anybody could guess."""
    return 1500 if block.get("type") == "image" else 3 + len(_said(where.partition(" ")[0], block)) // 4


def _said(where: str, block: dict[str, Any]) -> str:
    return json.dumps([where, {name: block[name] for name in sorted(block) if name != "cache_control"}])


def sequence(asked: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every block that counts, with where it stands."""
    tools = [("tool", tool) for tool in asked.get("tools") or [] if not tool.get("defer_loading")]
    system = [("system", one) for one in _listed(asked.get("system") or [])]
    system = [(where, one) for where, one in system if not one.get("text", "").startswith(BILLING)]
    settings = json.dumps([asked.get(name) for name in FOR_MESSAGES])
    messages = [
        (f"{message['role']} {settings}", block)
        for message in asked.get("messages") or []
        for block in _listed(message["content"])
    ]
    return [*tools, *system, *messages]


def _listed(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
