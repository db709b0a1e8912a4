"""What goes between a page's session and its document."""

from typing import Any

from dashboard.surface import Surface


def test_the_surface_hands_on_what_the_browser_says_and_what_it_is_told() -> None:
    heard: list[object] = []
    surface: Any = Surface(heard.append)
    sent: list[object] = []
    surface._send_msg = sent.append
    surface._handle_msg({"kind": "ready"})
    surface.send({"kind": "title", "text": "x"})
    assert heard == [{"kind": "ready"}]
    assert sent == [{"kind": "title", "text": "x"}]
