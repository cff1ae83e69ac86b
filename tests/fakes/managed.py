"""Managed AI as a test wants it: it answers by what a text says, fails as told, and remembers what it was asked."""

from collections.abc import Callable, Mapping, Sequence

from consumers.ports import Question

DOWN = "STREAMKEEPER_TEST_MANAGED_AI_DOWN"
"""The environment variable by which a test takes the service of ``tests/pipeline/managed_handler.py`` down."""

ASKED = "asked: "
"""How the lines of that handler's log begin that hold what the service was asked, as JSON."""

Behaviour = Callable[[int, Question], Exception | None]
"""Told the number of the call and the question; gives what to raise, or None to answer."""


class FakeManagedServices:
    """Finds INSULT and INSULTS in a part that says "awful", HATE in one with "hate", Violence in an address with "war".

    Args:
        behaviour: what goes wrong.
        on_ask: called with each question, such as to let time pass.
    """

    def __init__(self, behaviour: Behaviour | None = None, *, on_ask: Callable[[Question], None] | None = None) -> None:
        self.questions: list[Question] = []
        self._behaviour = behaviour
        self._on_ask = on_ask

    def ask(self, question: Question) -> Sequence[Mapping[str, float]]:
        number = len(self.questions)
        self.questions.append(question)
        if self._on_ask is not None:
            self._on_ask(question)
        error = self._behaviour(number, question) if self._behaviour is not None else None
        if error is not None:
            raise error
        return [
            {
                "INSULT": 0.95 if "awful" in part else 0.02,
                "INSULTS": 0.95 if "awful" in part else 0.02,
                "HATE": 0.8 if "hate" in part else 0.0,
                "Violence": 0.9 if "war" in part else 0.0,
            }
            for part in question.parts
        ]
