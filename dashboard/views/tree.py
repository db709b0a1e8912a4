"""How does a conversation's tree reach the browser? Whole once it listens, then only what is new or changed.

The component is plain: a local module (``assets/tree.js``) draws rows of data. The rows are no property of the
document, so that a tree of thousands of nodes costs its session nothing but the rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from uuid import UUID

from panel.custom import JSComponent

from dashboard.markup import ASSETS
from dashboard.tree_layout import TreeLayout
from dashboard.views.tree_rows import Row, TreeRows, as_json
from schemas.read_api import ConversationTree, TreeNode


class GrowingTree:
    """The rows of a tree that is read again and again."""

    def __init__(self) -> None:
        self._layout, self._rows = TreeLayout(), TreeRows()
        self._nodes: Sequence[TreeNode] = ()

    @property
    def rows(self) -> Mapping[str, Row]:
        """All rows by id, the first above."""
        return self._rows.by_id

    def read(self, tree: ConversationTree, today: Sequence[TreeNode] | None = None) -> list[Row] | None:
        """The rows that are new or changed. None: something came between or hangs elsewhere, all rows are new.

        ``today``: all exchanges as they stand now, of which an earlier tree has the first ones; they keep the places
        that they have now, so that nothing moves while somebody goes back and forth in time.
        """
        nodes = tree.nodes if today is None else today
        grown = len(nodes) >= len(self._nodes) and all(map(_hang_alike, self._nodes, nodes))
        if not grown:
            self._layout, self._rows = TreeLayout(), TreeRows()
        self._layout.extend(nodes[len(self._nodes) if grown else 0 :])
        self._nodes = nodes
        changed = self._rows.update(tree, self._layout.placed)
        return changed if grown else None


def _hang_alike(one: TreeNode, other: TreeNode) -> bool:
    return one is other or _hanging(one) == _hanging(other)


def _hanging(node: TreeNode) -> tuple[UUID, UUID | None, UUID, str]:
    return node.request_id, node.parent_request_id, node.branch_id, node.edge


class TreeView(JSComponent):  # type: ignore[misc]  # Panel has no types
    """Draws a growing tree in the browser."""

    _esm = ASSETS / "tree.js"

    def __init__(self) -> None:
        super().__init__()
        self._tree = GrowingTree()
        self._unsent: dict[str, Row] = {}
        self._there = self._shown_there = 0
        """So many rows the browser has, and shows."""
        self._all_anew = False
        self._listening = False
        self._marked = self._marked_there = ""

    @property
    def rows(self) -> Mapping[str, Row]:
        return self._tree.rows

    def read(self, tree: ConversationTree, today: Sequence[TreeNode] | None = None) -> None:
        """Take the tree in as it is now; ``today``: of one that stood earlier, all exchanges as they stand now."""
        changed = self._tree.read(tree, today)
        if changed is None:
            self._all_anew = True
        else:
            self._unsent |= {row.id: row for row in changed}

    def mark(self, request_id: str) -> None:
        """Mark this exchange; empty: none."""
        self._marked = request_id

    def was_marked(self, request_id: str) -> None:
        """The reader marked it; by now the mark may have gone on, so the browser is not told."""
        self._marked = self._marked_there = request_id

    def paint(self) -> None:
        """Bring what the browser does not have; to be called while the document is locked."""
        if not self._listening:
            return
        rows = self._tree.rows
        if self._all_anew:
            self._send(rows.values(), anew=True)
        elif self._unsent or len(rows) != self._shown_there:
            behind = islice(rows.values(), self._there, None)
            self._send((self._unsent | {row.id: row for row in behind}).values(), anew=False)
        if self._marked != self._marked_there:
            self._marked_there = self._marked
            self._send_msg({"kind": "select", "id": self._marked})

    def _handle_msg(self, data: object) -> None:
        if data == {"kind": "ready"}:
            self._listening = True
            self._marked_there = ""
            self._all_anew = True
            self.paint()

    def _send(self, rows: Iterable[Row], *, anew: bool) -> None:
        count = len(self._tree.rows)
        self._send_msg({"kind": "rows", "rows": as_json(rows), "anew": anew, "count": count})
        self._unsent, self._all_anew = {}, False
        self._there, self._shown_there = count if anew else max(count, self._there), count
