"""Is what was said of a forest the truth, and if not, where and how?"""

from collections.abc import Mapping

from tests.captures import Expected
from tests.forest.truth import Forest, Truth


def mistakes(forest: Forest, got: Mapping[int, Expected]) -> list[str]:
    """One line for each exchange of which something untrue is said; empty: all is true.

    Wrong edges come first: a wrong conversation mostly follows from one above it.
    """
    found = [line for truth in forest.truths for line in _mistakes(forest, truth, got.get(truth.n))]
    return sorted(found, key=lambda line: ", not " not in line.split("conversation")[0])


def _mistakes(forest: Forest, truth: Truth, said: Expected | None) -> list[str]:
    where = f"{forest.name} #{truth.n} ({truth.move})"
    if said is None:
        return [f"{where}: nothing is said of it"]
    found = list[str]()
    if said.request_class != (truth.request_class,):
        found.append(f"class {said.request_class[0]}, not {truth.request_class}")
    if (said.edge[0], said.parent[0]) not in truth.answers:
        right = " or ".join(f"{edge} {parent}" for edge, parent in truth.answers)
        found.append(f"{said.edge[0]} {said.parent[0]}, not {right}")
    if said.conversation != (truth.conversation,):
        found.append(f"conversation {said.conversation[0]}, not {truth.conversation}")
    return [f"{where}: {'; '.join(found)}"] if found else []
