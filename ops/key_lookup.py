"""Which key does somebody mean who names one? By its public id, by a name that only one key has, or by itself; pure."""

from collections.abc import Iterable
from difflib import get_close_matches

from credentials.key_snapshot import KeyFacts
from credentials.key_text import looks_like_ours, parse
from domain.client_keys import UnknownKeyError


def meant(keys: Iterable[KeyFacts], word: str) -> KeyFacts:
    """Among keys of one name, one that is not revoked goes first. Raises UnknownKeyError."""
    by_id = {key.key_id: key for key in keys}
    whole = parse(word.strip())
    found = by_id.get(whole.key_id if whole else word)
    if found is not None:
        return found
    if looks_like_ours(word):
        raise UnknownKeyError("This key is none of ours, or mistyped. Name it by its public id: `nexus keys list`.")
    named = [key for key in by_id.values() if key.name == word]
    named = [key for key in named if key.revoked_at is None] or named
    if len(named) > 1:
        raise UnknownKeyError(f"{len(named)} keys are called {word!r}; name one by its id: {_listed(named)}.")
    if not named:
        raise UnknownKeyError(f"There is no key {word[:100]!r}{_nearest(by_id.values(), word)}")
    return named[0]


def taken(keys: Iterable[KeyFacts], name: str) -> KeyFacts | None:
    """The key in force that has this name."""
    return next((key for key in keys if key.name == name and key.revoked_at is None), None)


def _nearest(keys: Iterable[KeyFacts], word: str) -> str:
    names = {key.key_id: f"{key.key_id} ({key.name})" for key in keys}
    names |= {key.name: f"{key.name} ({key.key_id})" for key in keys}
    close = get_close_matches(word, names, 1)
    return f"; did you mean {names[close[0]]}?" if close else "; `nexus keys list` shows those there are."


def _listed(keys: Iterable[KeyFacts]) -> str:
    return ", ".join(key.key_id for key in keys)
