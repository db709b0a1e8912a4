"""The helper for Chromium."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.async_api import Browser

from tests.browser import chromium_program, page_of


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


async def failing(browser: Browser, words: str) -> None:
    async with page_of(browser) as page:
        await page.set_content(f"<p>{words}</p>")
        raise ZeroDivisionError


@pytest.mark.browser
async def test_what_a_test_saw_is_kept_for_who_asks_also_where_it_fails(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEXUS_TRACES", str(tmp_path))
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "tests/test_x.py::test_y[a b] (call)")
    for number in (1, 2):
        with pytest.raises(ZeroDivisionError):
            await failing(browser, f"step {number}")
        name = f"tests_test_x.py_test_y_a_b_.{number}"
        assert (tmp_path / f"{name}.1.png").read_bytes().startswith(b"\x89PNG")
        with ZipFile(tmp_path / f"{name}.zip") as trace:
            assert any(f"step {number}".encode() in trace.read(name) for name in trace.namelist())
    assert browser.contexts == []


@pytest.mark.browser
async def test_nothing_is_kept_for_who_does_not_ask(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEXUS_TRACES", raising=False)
    monkeypatch.chdir(tmp_path)
    async with page_of(browser, width=400) as page:
        assert await page.evaluate("innerWidth") == 400
    assert files_in(tmp_path) == []


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())
