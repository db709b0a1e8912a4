"""The helper for axe-core: it sees what is planted, wherever it is, and nothing where nothing is."""

import pytest
from playwright.async_api import Browser, Page

from tests.axe import Barrier, barriers

GOOD = (
    "<!doctype html><html lang=en><title>Nexus</title>"
    "<main><h1>Requests</h1><p>None yet.</p><label>Key <input></label></main></html>"
)


@pytest.fixture
async def page(browser: Browser) -> Page:
    return await browser.new_page()


@pytest.mark.browser
async def test_a_good_page_has_none(page: Page, axe: str) -> None:
    await page.set_content(GOOD)
    assert await barriers(page, axe) == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ("<p style='color: #999; background: #fff'>faint</p>", "color-contrast"),
        ("<input>", "label"),
        ("<button></button>", "button-name"),
        ("<div role=listbox aria-label=Choice><p>no option</p></div>", "aria-required-children"),
    ],
)
async def test_a_planted_barrier_is_found(page: Page, axe: str, planted: str, rule: str) -> None:
    await page.set_content(GOOD.replace("</main>", f"{planted}</main>"))
    found = {one.rule: one.impact for one in await barriers(page, axe)}
    assert found[rule] in {"serious", "critical"}


@pytest.mark.browser
async def test_it_looks_into_shadow_roots(page: Page, axe: str) -> None:
    await page.set_content(GOOD.replace("</main>", "<div id=host></div></main>"))
    await page.evaluate("document.querySelector('#host').attachShadow({ mode: 'open' }).innerHTML = '<input id=in>'")
    assert ("label", "#host #in") in [(one.rule, one.target) for one in await barriers(page, axe)]


@pytest.mark.browser
async def test_a_policy_that_forbids_scripts_does_not_keep_it_out(page: Page, axe: str) -> None:
    policy = "<meta http-equiv=content-security-policy content=\"default-src 'none'\">"
    await page.set_content(GOOD.replace("<main>", f"{policy}<main>").replace("<h1>Requests</h1>", ""))
    assert [one.rule for one in await barriers(page, axe)] == ["page-has-heading-one"]


def test_a_barrier_says_on_one_line_what_and_where() -> None:
    barrier = Barrier("label", "critical", "#host #in", "Fix any of:\n  no label")
    assert str(barrier) == "critical label at #host #in: Fix any of: no label"
