"""Which words, names and ids do invented people and machines use?"""

import uuid
from random import Random

_SYLLABLES = ("ba", "ko", "li", "mu", "ne", "po", "ri", "sa", "tu", "ve", "wo", "zi", "du", "fe", "ga", "hy")
PROMPTS = ("go on", "explain it", "fix the test", "Reply OK", "list the files", "commit", "why?")
"""Typed again and again, in every session."""
COMMON_ANSWERS = ("Done.", "OK", "Yes.")
TASKS = ("Look at the folder and report.", "Run the tests.")
"""Prompts that models give to agents again and again."""


class Words:
    """Everything invented, from one source of chance."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def word(self, syllables: int = 3) -> str:
        return "".join(self.random.choice(_SYLLABLES) for _ in range(syllables))

    def fresh(self, words: int = 4) -> str:
        """A sentence that nobody else says."""
        return f"{self.word(9)} {' '.join(self.word() for _ in range(words - 1))}".strip()

    def prompt(self) -> str:
        """What a person types: often what others type too, sometimes awkward."""
        if self.chance(0.35):
            return self.random.choice(PROMPTS)
        shapes = ("{}", "{}", "{}?", "  {}\n", "{} — é 漢字 \U0001f600", '{{"q": "{}\\n"}}', "line one\n\n{}\n")
        return self.random.choice(shapes).format(self.fresh())

    def hex(self, digits: int) -> str:
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def tool_use_id(self) -> str:
        return f"toolu_01{self.hex(22)}"

    def signature(self) -> str:
        return f"U2ln{self.hex(40)}"

    def between(self, low: float, high: float) -> float:
        return self.random.uniform(low, high)
