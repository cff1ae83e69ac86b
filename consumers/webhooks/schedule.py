"""When a delivery is tried again. Its age says so: no state, and what only waits for its turn costs no try."""

GIVE_UP_SECONDS = 86_400.0
SHORTEST_WAIT, LONGEST_WAIT = 10.0, 3_600.0


def wait(age: float, chance: float, retry_after: str = "") -> int:
    """How long until the next try, in whole seconds: half the age, with jitter, or what the receiver asks for.

    That is exponential back-off: with an answer at no time, a delivery is tried some 45 times in a day, 14 of them in
    the first hour.

    Args:
        age: seconds since the delivery was put into the queue.
        chance: from 0 to 1; the wait is 75 to 125 hundredths.
        retry_after: what the receiver asks for, in seconds; a date is not read.

    >>> wait(0.0, 0.5), wait(600.0, 0.5), wait(80_000.0, 1.0), wait(0.0, 0.5, "120"), wait(0.0, 0.5, "999999")
    (10, 300, 3600, 120, 3600)
    """
    seconds = max(SHORTEST_WAIT, age / 2) * (0.75 + chance / 2)
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10:
        seconds = max(seconds, float(retry_after))
    return max(1, round(min(seconds, LONGEST_WAIT)))


def is_over(age: float) -> bool:
    """Whether a delivery that fails at this age is given up."""
    return age >= GIVE_UP_SECONDS
