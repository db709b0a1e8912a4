"""A browser of the desktop is asked; one that would take over the terminal is not, and none is no failure."""

import webbrowser

import pytest

from ops.browser import open_browser


class Desktop(webbrowser.BackgroundBrowser):
    """Notes what it opened."""

    def __init__(self) -> None:
        super().__init__("desktop")
        self.opened: list[str] = []

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        self.opened.append(url)
        return True


def test_a_desktop_browser_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    desktop = Desktop()
    monkeypatch.setattr(webbrowser, "get", lambda: desktop)
    assert open_browser("https://auth.example/")
    assert desktop.opened == ["https://auth.example/"]


def test_a_browser_of_the_terminal_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("w3m"))
    assert not open_browser("https://auth.example/")


def test_no_browser_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise webbrowser.Error

    monkeypatch.setattr(webbrowser, "get", none)
    assert not open_browser("https://auth.example/")
