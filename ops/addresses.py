"""At which address does somebody on this machine reach what listens there?"""

_ANY = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104 - these are looked up, not listened on


def address_of(host: str, port: int) -> str:
    """An http URL; an address that means all interfaces becomes the loopback's."""
    name = _ANY.get(host) or (f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"
