"""The golden batch written anew: ``python -m infra.golden``, or ``make golden``.

Made-up events in every language of the generator, most of them of a kind that is acted on or quarantined, no text
twice: a build that changes the verdict on one text in a thousand is to be seen, so the batch has four thousand.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from consumers import golden
from producers.synthetic.content import Shares, synthetic

RECORDS: Final = 4_000
SHARES: Final = Shares(
    spam=0.12, insult=0.14, profanity=0.1, hate=0.12, threat=0.08, personal=0.12, disguised=0.14, malformed=0.03,
    duplicate=0.0, late=0.01, skew=0.01,
)  # fmt: skip


def golden_file() -> bytes:
    """The file's bytes; the same every time."""
    return golden.pack(list(_payloads()))


def _payloads() -> Iterator[bytes]:
    seen: set[bytes] = set()
    for one in synthetic(100 * RECORDS, now=golden.ARRIVED_AT, seed=48, shares=SHARES):
        # What is no event has no text that could be compared, and comes once for each time it is made.
        text = one.payload.partition(b',"text":"')[2].partition(b'"')[0] if one.event_id else one.payload
        if text not in seen:
            seen.add(text)
            yield one.payload
        if len(seen) == RECORDS:
            return


def main() -> None:
    """Writes it."""
    path = Path(golden.__file__).parent / golden.FILE
    path.write_bytes(golden_file())
    print(f"{path}: {RECORDS} records, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
