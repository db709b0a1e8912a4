"""How do a page's session and its document in the browser talk? It sends changed regions, hears what readers do."""

from collections.abc import Callable

from panel.custom import JSComponent

from dashboard.markup import ASSETS, Message


class Surface(JSComponent):  # type: ignore[misc]  # Panel has no types
    """The wire between a page's session and its document in the browser."""

    _esm = ASSETS / "surface.js"

    def __init__(self, hear: Callable[[object], None]) -> None:
        """``hear``: takes what the browser says, which may be anything."""
        super().__init__()
        self._hear = hear

    def send(self, message: Message) -> None:
        """To be called while the document is locked."""
        self._send_msg(dict(message))

    def _handle_msg(self, data: object) -> None:
        self._hear(data)
