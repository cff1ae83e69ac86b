"""How many examples a property is tried with where a test says so itself."""

from hypothesis import settings


def at_most(examples: int) -> int:
    """So many, or the few of the profile ``fast``, which a number written at a test would pass by otherwise."""
    fast = settings.get_profile("fast")
    return min(examples, fast.max_examples) if settings.default == fast else examples
