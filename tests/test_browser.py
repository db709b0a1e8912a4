"""The helper for Chromium."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser import chromium_program


def test_a_chosen_program_wins_if_it_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "chrome"
    monkeypatch.setenv("NEXUS_CHROMIUM", str(program))
    assert chromium_program() is None
    program.touch()
    assert chromium_program() == str(program)


def test_without_one_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    assert chromium_program() is None


@pytest.mark.browser
async def test_it_shows_a_page(browser: Browser) -> None:
    page = await browser.new_page()
    await page.set_content("<title>Nexus</title><p id=here>hello</p>")
    assert await page.title() == "Nexus"
    assert await page.inner_text("#here") == "hello"
