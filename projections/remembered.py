"""What was read lately? A bounded memory: what was used longest ago goes first."""

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """At most so many values, and values of at most so much weight together."""

    def __init__(self, most: int, most_weight: int = 0) -> None:
        """``most_weight`` 0: values weigh nothing."""
        self._most, self._most_weight = most, most_weight
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int = 0) -> None:
        """In the place of what stood there. What is too heavy is not kept, and nothing goes for it."""
        self._weight -= self._kept.pop(key, (value, 0))[1]
        if weight > self._most_weight:
            return
        self._kept[key] = value, weight
        self._weight += weight
        while len(self._kept) > self._most or self._weight > self._most_weight:
            _, (_, gone) = self._kept.popitem(last=False)
            self._weight -= gone
