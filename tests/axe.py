"""axe-core, for tests: where it is, and which barriers it finds on a page."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.requirements import missing

_SCRIPT = Path(__file__).parents[1] / ".tools" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_RUN = """async (standards) => {
  const found = await axe.run(document, { runOnly: standards, resultTypes: ["violations"] });
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => [rule.id, node.impact ?? rule.impact, node.target.flat().join(" "), node.failureSummary]),
  );
}"""


@dataclass(frozen=True, slots=True)
class Barrier:
    """What keeps somebody out."""

    rule: str
    impact: str
    """How many it keeps out: minor, moderate, serious or critical."""
    target: str
    """Selectors of the element, from the document through every shadow root to it."""
    why: str

    def __str__(self) -> str:
        return f"{self.impact} {self.rule} at {self.target}: {' '.join(self.why.split())}"


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of its script; the test is skipped without it, or fails if NEXUS_REQUIRE_BROWSER is 1."""
    if not _SCRIPT.is_file():
        missing("axe-core", "see .ci/run", required_by="NEXUS_REQUIRE_BROWSER")
    return _SCRIPT.read_text("utf-8")


async def barriers(page: Page, axe: str) -> list[Barrier]:
    """All of them on the page as it stands, in shadow roots too.

    The script comes through the browser's debugger, so no policy of the page has to allow it.
    """
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe)
    return [Barrier(*found) for found in await page.evaluate(_RUN, list(STANDARDS))]
