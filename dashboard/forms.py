"""What did a form of ours send? Small ones only, and of a session only with the word that its pages hold."""

import asyncio
import hmac
from collections.abc import Mapping

from aiohttp.web import Request

from dashboard.refusals import RefusedError
from dashboard.sessions import Session

_DEADLINE_S = 10.0


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a small form. Raises RefusedError."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise RefusedError(400, "Send the form as application/x-www-form-urlencoded.")
    try:
        async with asyncio.timeout(_DEADLINE_S):
            fields = await request.post()
    except TimeoutError:
        raise RefusedError(400, "The form did not come in time; send it again.") from None
    except (ValueError, LookupError):
        raise RefusedError(400, "The form cannot be read; send it in UTF-8.") from None
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def check_word(form: Mapping[str, str], session: Session, mend: str) -> None:
    """Another site cannot know the word. Raises RefusedError."""
    if not hmac.compare_digest(form.get("csrf", "").encode(), session.csrf.encode()):
        raise RefusedError(403, f"This form is of another session; {mend}.")
