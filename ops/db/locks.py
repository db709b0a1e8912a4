"""Which advisory locks are there? All of them, so that no two meanings share a number.

The numbers spell "Nexus" and a counter; other programs in the same database will hardly use them.
"""

APPEND_LOCK = 0x4E65_7875_7300_0001
"""Held from before the first position is drawn until commit, by every writer of events, ours and the library's: so
positions become visible in the order in which they were drawn, and a reader that has seen p never finds a smaller one
later."""

MIGRATION_LOCK = 0x4E65_7875_7300_0002
"""Held while a migration is chosen and applied: several starters at once apply each file once."""

PARTITION_LOCK = 0x4E65_7875_7300_0003
"""Held while a month is added."""

TAKE_LOCK = "SELECT pg_advisory_xact_lock($1)"
"""Until the end of the transaction; nothing to give back, nothing left behind by a crash."""
