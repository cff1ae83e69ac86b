"""Keys as they are kept, and texts counted by the minute."""

import hashlib
from collections.abc import Callable

from consumers.scoring.ports import Client

_HEXADECIMAL = frozenset("0123456789abcdef")


def hashed(key: str) -> str:
    """What is kept of a key: its SHA-256 in hexadecimal. Keys are 256 random bits, so that no slower hash is needed."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class KeyList:
    """Keys in a line of text, as a function's environment holds them: ``NAME:SHA256:PER_MINUTE``, with commas between.

    >>> keys = KeyList(f"web:{hashed('the key')}:600")
    >>> keys.find("the key"), keys.find("another")
    (Client(name='web', per_minute=600, number=0), None)
    """

    def __init__(self, text: str) -> None:
        """Reads the keys.

        Raises:
            ValueError: one is not of its form; the message says which, and what is allowed.
        """
        self._clients: dict[str, Client] = {}
        for number, one in enumerate(filter(None, text.split(","))):
            name, _, rest = one.strip().partition(":")
            digest, _, per_minute = rest.partition(":")
            is_number = per_minute.isascii() and per_minute.isdecimal()
            if not name or len(digest) != 64 or not _HEXADECIMAL.issuperset(digest) or not is_number:
                raise ValueError(f"key {number + 1} is not of its form; allowed: NAME:SHA256:TEXTS_A_MINUTE")
            self._clients[digest] = Client(name, int(per_minute), number)

    def find(self, key: str, /) -> Client | None:
        """Whose key it is; None: nobody's."""
        return self._clients.get(hashed(key))


class MinuteQuota:
    """Counts in this process only.

    Args:
        now: seconds since 1970.

    >>> quota = MinuteQuota(lambda: 60.0)
    >>> [quota.take(Client("web", 2)) for _ in range(3)]
    [True, True, False]
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._minute = -1
        self._counted: dict[str, int] = {}

    def take(self, client: Client, count: int = 1, /) -> bool:
        """Counts texts; False: this minute's are used up, and none of these is counted."""
        minute = int(self._now()) // 60
        if minute != self._minute:
            self._minute, self._counted = minute, {}
        counted = self._counted.get(client.name, 0) + count
        if client.per_minute and counted > client.per_minute:
            return False
        self._counted[client.name] = counted
        return True
