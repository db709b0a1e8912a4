"""Where does the demo keep its data? In a home of its own, which it marks, so that it never mixes with anybody's."""

import shutil
from pathlib import Path

from domain.errors import SetupError
from ops.home import Home, prepare

_MARK = "demo.seeds"
"""Says that this is a demo's home; in it, the seeds that were played here."""
_PLAYED = "played.jsonl"


def settle(root: Path) -> Home:
    """The home at ``root``, new or a demo's. Raises SetupError if something else is there."""
    home = Home(root)
    try:
        foreign = root.is_dir() and any(entry != home.lock_file for entry in root.iterdir())
        if foreign and not (root / _MARK).exists():
            raise SetupError(f"{root} holds something that is not the demo's. Give --home an empty or a new folder.")
        prepare(root)
        (root / _MARK).touch()
    except OSError as error:
        raise SetupError(f"{root} cannot be used ({error.strerror}). Give --home a folder of this user's.") from None
    return home


def empty(home: Home) -> None:
    """Remove all that was played here; only for who holds the home."""
    for entry in home.root.iterdir():
        if entry == home.lock_file:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    settle(home.root)


def claim(home: Home, seed: str) -> None:
    """Note that this seed is played: a second time, on the same data, its ids would mean two things.

    Raises SetupError.
    """
    mark = home.root / _MARK
    if seed in mark.read_text().splitlines():
        raise SetupError(f"Seed {seed} was played in {home.root} before. Add --fresh, or give another --seed.")
    with mark.open("a") as seeds:
        seeds.write(f"{seed}\n")


def played_file(home: Home) -> Path:
    """One line of JSON for each exchange that was played: what it was, and how it belongs to the others."""
    return home.root / _PLAYED
