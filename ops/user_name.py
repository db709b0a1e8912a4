"""Who types this command? The name that stands in events as ``who``."""

import os
import pwd


def user_name() -> str:
    """The operating system's user."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
