"""A long conversation: the map of its tree, zoom by keys, filters of the timeline in the address, its figure saved."""

import asyncio
import base64
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from playwright.async_api import Browser, Download, Page, expect

from tests.browser import WAIT_MS
from tests.e2e.test_pages import Client, logged_in, served, worked
from tests.scripted_api import text
from tests.waiting import until_true

SVG = "{http://www.w3.org/2000/svg}"
TOP = "document.querySelector('[data-tree-rows]').scrollTop"
ROW = "document.querySelector('[role=treeitem]').getBoundingClientRect().height"
MORE = 30


async def test_map_zoom_filters_and_figure_of_a_long_conversation(tmp_path: Path, browser: Browser) -> None:
    async with served(tmp_path) as (running, _, session), logged_in(browser, running) as watched:
        client = Client(running.gateway, session, "77777777-0000-4000-8000-000000000001")
        page = watched.page
        await page.goto(f"{running.dashboard}/conversations")
        await worked(client)
        await running.requests(5)
        await page.goto(f"{running.dashboard}/conversations/{client.ids[0]}")
        await expect(page.locator("[role=treeitem]")).to_have_count(5)
        await expect(page.locator("[data-tree-map]")).to_be_hidden()
        for number in range(MORE):
            await client.ask(text(f"Question {number}"))
        await running.requests(5 + MORE)
        await expect(page.locator("[data-tree]")).to_have_attribute("data-nodes", str(5 + MORE))
        await the_map_moves_the_tree(page)
        await keys_zoom(page)
        await filters_stand_in_the_address(page)
        await the_figure_can_be_opened(page)
        assert (watched.errors, watched.outside) == ([], [])


async def the_map_moves_the_tree(page: Page) -> None:
    tree_map = page.get_by_role("scrollbar", name="Overview of the tree")
    await expect(tree_map).to_be_visible()
    await page.locator("[data-tree-rows]").focus()
    await page.keyboard.press("Home")
    await page.keyboard.press("Tab")
    await expect(tree_map).to_be_focused()
    await expect(tree_map).to_have_attribute("aria-valuetext", re.compile(rf"^rows 1 to \d+ of {5 + MORE}$"))
    await page.keyboard.press("End")
    await expect(tree_map).to_have_attribute("aria-valuetext", re.compile(rf"to {5 + MORE} of {5 + MORE}$"))
    low = await page.evaluate(TOP)
    frame = await page.locator("[data-frame]").bounding_box()
    assert frame is not None
    await page.mouse.move(frame["x"] + 20, frame["y"] + frame["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(frame["x"] + 20, frame["y"] - 20, steps=4)
    await page.mouse.up()
    dragged = await page.evaluate(TOP)
    assert 0 < dragged < low
    await page.keyboard.press("Home")
    assert await page.evaluate(TOP) == 0
    drawn = await page.locator("[data-tree-map] canvas").evaluate(
        "(sheet) => sheet.getContext('2d').getImageData(0, 0, sheet.width, sheet.height).data.some((byte) => byte)"
    )
    assert drawn


async def keys_zoom(page: Page) -> None:
    await page.locator("[data-tree-rows]").focus()
    heights = []
    for key in ("0", "+", "=", "-", "-", "-", "0"):
        await page.keyboard.press(key)
        heights.append(await page.evaluate(f"new Promise((done) => requestAnimationFrame(() => done({ROW})))"))
    plain = heights[0]
    assert plain < heights[1] < heights[2] > heights[3] > heights[4] > heights[5] < heights[6] == plain
    assert heights[4] == plain


async def filters_stand_in_the_address(page: Page) -> None:
    whole = await page.locator('[data-sum="main"]').inner_text()
    await page.get_by_role("combobox", name="Class").select_option("subagent")
    await page.wait_for_url("**class=subagent**", timeout=WAIT_MS)
    await expect(page.locator('[data-sum="person"]')).to_have_text("0 ms")
    await page.locator("[role=treeitem]").nth(1).click()
    await page.wait_for_url("**request=**")
    assert "class=subagent" in page.url, "picking a row keeps what the timeline shows"
    await page.get_by_role("combobox", name="Branch").select_option(index=1)
    await expect(page.locator('[data-state="no-lanes"]')).to_be_visible()
    await expect(page.locator(".chart .figure")).to_be_hidden()
    await page.go_back()
    await expect(page.locator('[data-state="no-lanes"]')).to_be_hidden()
    assert await page.get_by_role("combobox", name="Class").input_value() == "subagent"
    await page.reload()
    await expect(page.locator('[data-sum="person"]')).to_have_text("0 ms")
    await page.get_by_role("combobox", name="Class").select_option("")
    await expect(page.locator('[data-sum="main"]')).to_have_text(whole)


async def the_figure_can_be_opened(page: Page) -> None:
    """Lines and letters, not a picture of them, and nothing that is fetched or run."""
    await until_true(lambda: names_a_lane(page), "the figure follows the words above it", WAIT_MS / 1000)
    download, drawing = await saved(page)
    names = {element.tag.removeprefix(SVG) for element in drawing.iter()}
    assert drawing.tag == f"{SVG}svg"
    assert drawing[0].get("fill") == "#ffffff"
    assert "path" in names
    assert not names & {"image", "script", "foreignObject", "use"}
    fills = {element.get("fill") for element in drawing.iter(f"{SVG}path")}
    assert {"rgb(46,136,223)", "rgb(0,122,100)"} <= fills, "the colours of the stylesheet: main thread and sub-agent"
    assert download.suggested_filename == "timeline.svg"
    assert page.context.browser is not None
    shown = await page.context.browser.new_page()
    whole = base64.b64encode(await asyncio.to_thread((await download.path()).read_bytes)).decode()
    await shown.set_content(f'<img src="data:image/svg+xml;base64,{whole}">')
    await expect(shown.locator("img")).to_have_js_property("complete", value=True)
    assert await shown.locator("img").evaluate("(picture) => picture.naturalWidth") > 600
    await shown.close()


async def saved(page: Page) -> tuple[Download, ET.Element]:
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="SVG").click()
    download = await coming.value
    path = await download.path()
    return download, ET.fromstring(await asyncio.to_thread(path.read_text))


async def names_a_lane(page: Page) -> bool:
    _, drawing = await saved(page)
    return "main" in {(element.text or "").strip() for element in drawing.iter(f"{SVG}text")}
