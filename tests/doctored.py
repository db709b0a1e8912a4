"""Patients for the doctor: a home of its own, settings that nobody else set, parts that say what a test wants."""

from pathlib import Path
from typing import Any

from gateway.published import Family, Published, Sample, Seen
from ops.doctor.findings import Patient
from ops.home import Home
from ops.settings import Settings


def patient(tmp_path: Path, **given: Any) -> Patient:
    """Settings by name; ``running``, ``holder``, ``parts`` and ``environment`` are the patient's own."""
    own = {name: given.pop(name) for name in ("running", "holder", "parts") if name in given}
    environment = given.pop("environment", {"HOME": str(tmp_path)})
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    home = tmp_path / "home"
    settings = Settings.model_construct(**{**defaults, "home": home, "gateway_host": ("127.0.0.1",), **given})
    return Patient(settings, Home(home), environment, tmp_path, **own)


def seen(age_s: float = 0.0, **values: float) -> Seen:
    """``name__label``: a sample of the projection ``label``."""
    families = []
    for key, value in values.items():
        name, _, projection = key.partition("__")
        labels = {"projection": projection} if projection else {}
        families.append(Family(name, "gauge", "", (Sample(name, labels, value),)))
    return Seen(Published(tuple(families)), age_s)


def files_of(folder: Path) -> dict[str, tuple[int, float]]:
    """Every file with its size and the time it was written: nothing may differ after a visit."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime)
        for path in sorted(folder.rglob("*"))
        if not path.is_socket()
    }
