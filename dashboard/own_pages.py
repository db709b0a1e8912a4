"""Which pages does the front make itself? Login, logout, and the notice that something is missing or starting."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.viewers import Viewer

ASSETS = Path(__file__).parent / "assets"


class OwnPages:
    """Renders the templates; whatever is put in is escaped."""

    def __init__(self, version: str) -> None:
        """``version``: of the static files, for their addresses."""
        self._templates = Environment(
            loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.globals["version"] = version

    def login(self, *, csrf: str, next_path: str, token: str = "", problem: str = "") -> str:
        """``token``: of a one-time link, it is used by the form; ``problem``: why the try before failed."""
        return self._render("login", csrf=csrf, next_path=next_path, token=token, problem=problem)

    def logout(self, *, csrf: str, viewer: Viewer) -> str:
        return self._render("logout", csrf=csrf, viewer=viewer)

    def notice(self, title: str, text: str, *, reload_s: int | None = None) -> str:
        """``reload_s``: the browser looks again after so many seconds."""
        return self._render("notice", title=title, text=text, reload_s=reload_s)

    def _render(self, name: str, **values: str | int | Viewer | None) -> str:
        return self._templates.get_template(f"{name}.html").render(values)
