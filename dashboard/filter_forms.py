"""How are filters saved and removed? By a form of a page, for whoever is logged in there, and for nobody else."""

from typing import Protocol

from aiohttp.web import Request, RequestKey, Response

from dashboard.answers import plain_json_answer
from dashboard.forms import form_of
from dashboard.refusals import RefusedError
from dashboard.savable import view_to_save
from domain.saved_filters import UnfitFilterError, View
from domain.viewers import Viewer

READER = RequestKey("nexus-reader", Viewer)
"""Noted in a request whose form was one of ours: whose session it came from."""


class Keeps(Protocol):
    """Where filters are kept, each under the ``person_id`` of its viewer."""

    async def save(self, viewer: Viewer, name: str, view: View) -> bool:
        """Whether it took the place of another. Raises UnfitFilterError, StoreUnavailableError."""
        ...

    async def remove(self, viewer: Viewer, name: str) -> None:
        """Also one that is not there (any more). Raises StoreUnavailableError."""
        ...


class KeepsNothing:
    """For a dashboard that has nowhere to write."""

    async def save(self, viewer: Viewer, name: str, view: View) -> bool:  # noqa: ARG002  whatever it is
        raise UnfitFilterError("This dashboard has nowhere to keep filters.")

    async def remove(self, viewer: Viewer, name: str) -> None:
        """There is nothing to remove."""


class FilterForms:
    """The handlers of ``/filters``."""

    def __init__(self, keeps: Keeps) -> None:
        self._keeps = keeps

    async def save(self, request: Request) -> Response:
        """POST /filters: what a page's address asks for, under a name."""
        form, viewer = await form_of(request), _whose(request)
        try:
            view = view_to_save(viewer, form.get("path", ""), form.get("query", ""))
            replaced = await self._keeps.save(viewer, form.get("name", ""), view)
        except UnfitFilterError as error:
            raise RefusedError(400, str(error)) from error
        return await plain_json_answer(request, {"replaced": replaced})

    async def remove(self, request: Request) -> Response:
        """POST /filters/remove."""
        form = await form_of(request)
        await self._keeps.remove(_whose(request), form.get("name", ""))
        return await plain_json_answer(request, {})


def _whose(request: Request) -> Viewer:
    """Raises RefusedError."""
    viewer = request[READER]
    if viewer.person_id is None:
        raise RefusedError(403, "Only a person has filters of his own; log in as one.")
    return viewer
