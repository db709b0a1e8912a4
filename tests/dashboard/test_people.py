"""Where nobody else was let in, there is the owner."""

from dashboard.people import OWNER_ID, OWNER_STANDING, OwnerAlone
from domain.viewers import OWNER
from tests.some_people import word_of


async def test_there_is_nobody_but_the_owner() -> None:
    people = OwnerAlone()
    assert people.standing(OWNER_ID) == OWNER_STANDING
    assert OWNER_STANDING.viewer == OWNER
    assert people.standing("abcd1234") is None
    assert people.with_key(word_of("abcd1234")) is None
    assert await people.with_link(word_of("abcd1234", "link")) is None
    await people.log_out(OWNER_ID)
    assert people.standing(OWNER_ID) == OWNER_STANDING
