"""How does an answer come to be played in the browser? Its pieces whole once it listens, then only what is new.

The component is plain: a local module (``assets/replay.js``) keeps the time and writes text, never markup. The pieces
are no property of the document, so that an answer of many thousands costs its session nothing but the sending.
"""

import msgspec
from panel.custom import JSComponent

from dashboard.markup import ASSETS
from dashboard.views.replay_frames import Replay


class ReplayView(JSComponent):  # type: ignore[misc]  # Panel has no types
    """Plays an answer in the browser."""

    _esm = ASSETS / "replay.js"

    def __init__(self) -> None:
        super().__init__()
        self._replay: Replay | None = None
        self._sent: Replay | None = None
        """What the browser has."""
        self._listening = False

    def read(self, replay: Replay) -> None:
        """Take the answer in as far as it has come."""
        self._replay = replay

    def paint(self) -> None:
        """Bring what the browser does not have; to be called while the document is locked."""
        if self._listening and self._replay is not None and self._replay != self._sent:
            self._send_msg({"kind": "pieces", "replay": message(self._replay, self._sent)})
            self._sent = self._replay

    def _handle_msg(self, data: object) -> None:
        if data == {"kind": "ready"}:
            self._listening, self._sent = True, None
            self.paint()


def message(replay: Replay, before: Replay | None) -> str:
    """JSON for ``replay.js``: all of it, or what is new behind what the browser has."""
    grown = before is not None and _begins_with(replay, before)
    blocks, pieces = (len(before.blocks), len(before.pieces)) if before is not None and grown else (0, 0)
    return msgspec.json.encode(
        {
            "anew": not grown,
            "blocks": [(each.kind, each.label) for each in replay.blocks[blocks:]],
            "pieces": [(each.at_ms, each.block, each.text) for each in replay.pieces[pieces:]],
            "lasted": replay.lasted_ms,
            "hidden": replay.hidden,
        }
    ).decode()


def _begins_with(replay: Replay, before: Replay) -> bool:
    return replay.blocks[: len(before.blocks)] == before.blocks and replay.pieces[: len(before.pieces)] == before.pieces
