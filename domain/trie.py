"""What is the place of a block in everything that was said? A node: the digest of the node before it, and the block.

Two requests share a prefix exactly if they share a node. The root is the scope's own, so nothing is ever found across
scopes.
"""

import hashlib

from domain.blocks import DIGEST_BYTES


def root_of(scope: str, user: str | None) -> bytes:
    """Of the scope's trie; an end user of a program behind one key has one of his own."""
    named = scope if user is None else f"{scope}\0{user}"
    return hashlib.blake2b(b"scope\0" + named.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


def after(node: bytes, digest: bytes, *, by_assistant: bool) -> bytes:
    """The node of a block that follows ``node``."""
    role = b"a" if by_assistant else b"u"
    return hashlib.blake2b(node + role + digest, digest_size=DIGEST_BYTES).digest()
