"""How do the front and its Panel worker tell each other who looks? In a header that no browser can send.

The worker listens on a socket that only this user can open, and the front takes the header out of whatever comes from
outside. A value that says nothing of the kind is nobody.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from domain.viewers import ROLES, Viewer

VIEWER_HEADER = "X-Nexus-Viewer"


def written(viewer: Viewer) -> str:
    """The header's value."""
    accounts = None if viewer.accounts is None else sorted(viewer.accounts)
    said = {"name": viewer.name, "role": viewer.role, "accounts": accounts, "person": viewer.person_id}
    return urlsafe_b64encode(json.dumps(said).encode()).decode()


def read(value: str) -> Viewer | None:
    """Who is meant; None: nobody."""
    try:
        said = json.loads(urlsafe_b64decode(value.encode("ascii")))
    except ValueError:  # base64, UTF-8 and JSON alike
        return None
    match said:
        case {
            "name": str(name),
            "role": str(word),
            "accounts": None | [*_] as accounts,
            "person": None | str() as person_id,
        } if word in ROLES:
            role = next(role for role in ROLES if role == word)
            if not all(isinstance(account, str) for account in accounts or ()):
                return None
            of = None if accounts is None else frozenset(accounts)
            return Viewer(name=name, role=role, accounts=of, person_id=person_id)
    return None
