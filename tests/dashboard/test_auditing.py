"""What is noted says who, what and of which; commands of the shell's owner are not kept."""

from uuid import UUID

from dashboard.auditing import NobodyAsks, entry_of
from domain.audit import Entry
from domain.viewers import OWNER, Viewer


async def test_an_entry_is_of_the_viewer_and_the_request() -> None:
    viewer = Viewer(name="eve", role="admin", accounts=None)
    assert entry_of(viewer, "read-body", UUID(int=1)) == Entry(who="eve", act="read-body", about=str(UUID(int=1)))
    await NobodyAsks().note(entry_of(OWNER, "exported", "x"))
