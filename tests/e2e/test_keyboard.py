"""Everything by keyboard: going to pages, searching, moving, the help, and a focus that can be seen."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser import launched
from tests.e2e.test_pages import Client, logged_in, served, worked
from tests.scripted_api import text
from tests.stack import Stack

PLACES = {
    "o": "overview",
    "c": "conversations",
    "r": "requests",
    "s": "search",
    "d": "compare",
    "u": "usage",
    "l": "limits",
    "i": "insights",
}
FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at.getAttribute("href") ?? at.getAttribute("name") ?? at.id ?? "";
}"""
PLACE_OF = "[...document.querySelectorAll('*')].indexOf(document.activeElement)"
REACHABLE = """[
  ...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']"),
].filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0).length"""
AROUND_FOCUS = """(() => {
  const { left, top, right, bottom } = document.activeElement.getBoundingClientRect();
  const x = Math.max(0, Math.min(left - 9, innerWidth - 20)), y = Math.max(0, Math.min(top - 9, innerHeight - 20));
  const width = Math.max(20, Math.min(right + 9, innerWidth) - x);
  return { x, y, width, height: Math.max(20, Math.min(bottom + 9, innerHeight) - y) };
})()"""
IN_DIALOG = "document.querySelector('#help').contains(document.activeElement)"

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True, slots=True)
class Scene:
    """A dashboard that all tests here look at: a conversation of five requests, and another one."""

    running: Stack
    browser: Browser
    client: Client
    """Of the first conversation."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with served(tmp_path_factory.mktemp("keyboard")) as (running, _, session), launched(chromium) as browser:
        client = Client(running.gateway, session, "33333333-0000-4000-8000-000000000001")
        await worked(client)
        await Client(running.gateway, session, "33333333-0000-4000-8000-000000000002").ask(text("Another one."))
        await running.requests(6)
        yield Scene(running, browser, client)


@pytest_asyncio.fixture(loop_scope="module")
async def page(scene: Scene) -> AsyncIterator[Page]:
    """Logged in; at the end nothing was wrong in the console, and nothing was fetched from elsewhere."""
    async with logged_in(scene.browser, scene.running) as watched:
        yield watched.page
        assert (watched.errors, watched.outside) == ([], [])


async def opened(page: Page, url: str, sign: str) -> None:
    await page.goto(url)
    await expect(page.locator("html")).to_have_attribute("data-live", "live")
    await expect(page.locator(sign).first).to_be_visible()


async def test_g_and_a_letter_goes_to_each_page_and_the_back_button_returns(page: Page, scene: Scene) -> None:
    url = scene.running.dashboard
    await opened(page, f"{url}/conversations", "[data-conversation-id]")
    for letter, place in PLACES.items():
        await page.keyboard.press("g")
        await page.keyboard.press(letter)
        await page.wait_for_url(f"**/{place}**")
        await expect(page.locator("nav a[aria-current=page]").first).to_have_attribute("href", f"/{place}")
    await page.go_back()
    await page.wait_for_url("**/limits**")
    await page.keyboard.press("g")
    await page.keyboard.press("x")
    await page.keyboard.press("c")
    assert page.url.startswith(f"{url}/limits"), "what comes between breaks the chord"


async def test_j_and_k_move_in_a_list_and_enter_opens(page: Page, scene: Scene) -> None:
    url, client = scene.running.dashboard, scene.client
    await opened(page, f"{url}/conversations", "[data-conversation-id]")
    await expect(page.locator("[data-conversation-id]")).to_have_count(2)
    rows = page.locator("[data-nav]")
    await page.keyboard.press("j")
    await expect(rows.nth(0)).to_be_focused()
    for key, place in (("j", 1), ("j", 1), ("k", 0), ("k", 0), ("j", 1)):
        await page.keyboard.press(key)
        await expect(rows.nth(place)).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/conversations/{client.ids[0]}")
    await expect(page.locator("[role=treeitem]").first).to_be_visible()
    chosen = page.locator("[role=treeitem][aria-selected=true]")
    await expect(chosen).to_have_attribute("data-request-id", client.ids[0])
    for key, place in (("j", 2), ("j", 3), ("k", 2), ("k", 1), ("k", 1)):
        await page.keyboard.press(key)
        await expect(chosen).to_have_attribute("aria-posinset", str(place))


async def test_j_and_k_move_in_a_request_and_u_leads_up(page: Page, scene: Scene) -> None:
    url, client = scene.running.dashboard, scene.client
    await opened(page, f"{url}/requests/{client.ids[0]}", "article.message")
    await page.keyboard.press("j")
    assert str(await page.evaluate(FOCUSED)).endswith("#m-1")
    await opened(page, f"{url}/requests/{client.ids[-1]}?tab=raw", ".twist")
    await page.keyboard.press("j")
    first = page.locator(".twist").first
    await expect(first).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(first).to_have_attribute("aria-expanded", "true")
    await expect(first).to_be_focused()
    await page.keyboard.press("u")
    await page.wait_for_url(f"**/conversations/{client.ids[0]}?request={client.ids[-1]}")


async def test_c_compares_two_rows_or_what_is_shown_and_j_goes_through_the_differences(
    page: Page, scene: Scene
) -> None:
    url, client = scene.running.dashboard, scene.client
    await opened(page, f"{url}/conversations", "[data-conversation-id]")
    await expect(page.locator("[data-conversation-id]")).to_have_count(2)
    for key in ("j", "c"):
        await page.keyboard.press(key)
    await expect(page.get_by_text("Marked.")).to_be_visible()
    await page.keyboard.press("c")
    await expect(page.get_by_text("No longer marked.")).to_be_visible()
    for key in ("c", "j", "c"):
        await page.keyboard.press(key)
    await page.wait_for_url("**/compare?**of=branches")
    await expect(page.locator("[data-difference]").first).to_be_visible()
    await page.keyboard.press("j")
    assert str(await page.evaluate(FOCUSED)) == "#d-1"
    await page.keyboard.press("k")
    assert str(await page.evaluate(FOCUSED)) == "#d-1"
    await page.go_back()
    await page.wait_for_url("**/conversations")
    await opened(page, f"{url}/requests/{client.ids[1]}", "article.message")
    await page.keyboard.press("c")
    await page.wait_for_url(f"**/compare?a={client.ids[1]}")
    await expect(page.locator("[data-choice]").first).to_be_visible()
    await walk(page)
    await page.locator("[data-choice] a").first.click()
    await expect(page.locator("[data-verdict=requests]")).to_be_visible()
    await page.locator("[data-swap]").click()
    await page.wait_for_url(f"**/compare?a={client.ids[1]}&b={client.ids[0]}&of=requests")
    await page.go_back()
    await page.wait_for_url(f"**/compare?a={client.ids[0]}&b={client.ids[1]}&of=requests")


async def test_a_slash_searches_here_or_everywhere_and_escape_leaves(page: Page, scene: Scene) -> None:
    url, client = scene.running.dashboard, scene.client
    await opened(page, f"{url}/conversations", "[data-conversation-id]")
    await page.keyboard.press("/")
    box = page.locator("[data-search]")
    await expect(box).to_be_focused()
    await page.keyboard.type("g?jkt/u")
    await expect(box).to_have_value("g?jkt/u")
    await expect(page.locator("#help")).to_be_hidden()
    await page.keyboard.press("Escape")
    await expect(box).not_to_be_focused()
    await opened(page, f"{url}/conversations/{client.ids[0]}", "[role=treeitem]")
    await page.keyboard.press("/")
    await page.wait_for_url("**/search")


async def test_no_key_acts_while_a_box_inside_a_shadow_root_is_typed_in(page: Page, scene: Scene) -> None:
    url = scene.running.dashboard
    await opened(page, f"{url}/requests", "[data-request-id]")
    await page.evaluate(
        "() => { const host = document.body.appendChild(document.createElement('div'));"
        " host.attachShadow({ mode: 'open' }).append(document.createElement('input'));"
        " host.shadowRoot.firstChild.focus(); }"
    )
    await page.keyboard.type("?gc/j")
    assert await page.evaluate("document.body.lastElementChild.shadowRoot.firstChild.value") == "?gc/j"
    await expect(page.locator("#help")).to_be_hidden()
    assert page.url == f"{url}/requests"


async def test_keys_with_a_modifier_are_the_browsers(page: Page, scene: Scene) -> None:
    url = scene.running.dashboard
    await opened(page, f"{url}/requests", "[data-request-id]")
    before = await page.evaluate(FOCUSED)
    for modifier in ("Control", "Alt", "Meta"):
        for key in ("j", "/", "g"):
            await page.keyboard.press(f"{modifier}+{key}")
        await page.keyboard.press(f"{modifier}+c")
    assert await page.evaluate(FOCUSED) == before
    assert page.url == f"{url}/requests"


async def test_the_help_lists_every_key_keeps_the_focus_and_gives_it_back(page: Page, scene: Scene) -> None:
    url = scene.running.dashboard
    await opened(page, f"{url}/requests", "[data-request-id]")
    await page.keyboard.press("j")
    row = page.locator("[data-nav]").first
    await page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Shortcuts")
    await expect(help_).to_be_visible()
    listed = await help_.locator("dt").all_inner_texts()
    assert {f"g {letter}" for letter in PLACES} <= {" ".join(one.split()) for one in listed}
    assert {"/", "?", "j", "k", "t", "u", "Enter"} <= {word for one in listed for word in one.split()}
    for key in ("Tab", "Tab", "Shift+Tab", "j", "g", "c", "/"):
        await page.keyboard.press(key)
        assert await page.evaluate(IN_DIALOG), f"{key} leaves the help"
    assert page.url == f"{url}/requests"
    await page.keyboard.press("Escape")
    await expect(help_).to_be_hidden()
    await expect(row).to_be_focused()
    await page.keyboard.press("?")
    await page.keyboard.press("?")
    await expect(help_).to_be_hidden()
    await page.get_by_role("button", name="Shortcuts").click()
    await help_.get_by_role("button", name="Close").click()
    await expect(help_).to_be_hidden()
    await expect(page.get_by_role("button", name="Shortcuts")).to_be_focused()


async def test_tab_reaches_everything_and_shows_where_it_is(page: Page, scene: Scene) -> None:
    url, client = scene.running.dashboard, scene.client
    await page.emulate_media(reduced_motion="reduce")
    for path, sign in (
        ("/overview", ".tiles"),
        ("/conversations", "[data-conversation-id]"),
        (f"/requests/{client.ids[0]}", "article.message"),
        ("/usage", ".list-usage"),
    ):
        await opened(page, url + path, sign)
        await walk(page)


async def walk(page: Page) -> None:
    """With Tab through all that can be reached; where the focus is, the page looks otherwise than before."""
    reachable = int(await page.evaluate(REACHABLE))
    assert reachable > 8
    seen = set[str]()
    for _ in range(reachable):
        await page.keyboard.press("Tab")
        place = str(await page.evaluate(PLACE_OF))
        assert place not in seen, f"Tab comes to {place} again before it was everywhere"
        seen.add(place)
        around = await page.evaluate(AROUND_FOCUS)
        focused = await page.screenshot(clip=around)
        blurred = await page.evaluate_handle("() => { const at = document.activeElement; at.blur(); return at; }")
        plain = await page.screenshot(clip=around)
        await blurred.evaluate("(at) => at.focus({ preventScroll: true, focusVisible: true })")
        assert focused != plain, f"nothing shows that the focus is at {place} of {page.url}"
