"""What only a batch shows: one author who posts too much too fast, and the same text again and again.

A detector of texts looks at one event; this one looks at a whole batch, once every event in it was judged, and adds
signals to some of them. It holds nothing from one batch to the next, so what it says is only ever too little: a flood
that lies half in one batch and half in the next may be seen by neither. docs/decisions/0017 says what that means when
batches come again.

Time is when events were created, so that a replay, a file that is loaded or a telephone that was offline shows no
other floods than there were. Copies of one event count once. The order of events in a batch does not matter.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from consumers.moderation.detectors.near_duplicates import alike
from consumers.moderation.rules import FloodRule, RepeatRule
from glue.contract import Signal, VerdictRow

FLOOD = "flood"
REPEATS = "repeats"
OF_BATCHES = frozenset({FLOOD, REPEATS})
"""Names in signals that depend on the batch and not on the event alone."""

_BEGIN = datetime(1970, 1, 1)  # noqa: DTZ001 - landed timestamps have no zone
_MICROSECOND = timedelta(microseconds=1)


class CrowdDetector:
    """Finds floods and repeats in a batch, by a policy's rules. Takes time in proportion to the batch."""

    version = "1"

    def __init__(self, floods: Sequence[FloodRule], repeats: Sequence[RepeatRule]) -> None:
        """Takes a policy's rules."""
        self._floods = [(rule, Signal(FLOOD, rule.label, rule.score, rule.rule)) for rule in floods]
        self._repeats = [(rule, Signal(REPEATS, rule.label, rule.score, rule.rule)) for rule in repeats]
        self.signals = frozenset(signal for _, signal in (*self._floods, *self._repeats))
        """Every signal that it can give."""

    def detect(self, rows: Sequence[VerdictRow], normals: Sequence[bytes]) -> Mapping[int, tuple[Signal, ...]]:
        """What a batch shows, by the position of the rows concerned: at most one signal for each rule, by rule.

        Args:
            rows: the verdicts on the events alone.
            normals: for each the normal form of its text, as UTF-8.
        """
        found: dict[int, list[Signal]] = {}
        if self._floods:
            least = min(rule.events for rule, _ in self._floods)
            for together in _groups([row.author_id for row in rows], least):
                for flood, signal in self._floods:
                    for place in _crowded(rows, together, _event, flood.events, 1, flood.seconds):
                        found.setdefault(place, []).append(signal)
        if self._repeats:
            least = min(rule.events for rule, _ in self._repeats)
            same = [
                (len(normals[together[0]].decode()), together)
                for together in _groups([row.text_fingerprint for row in rows], least)
            ]
            for repeat, signal in self._repeats:
                groups = [together for characters, together in same if characters >= repeat.characters]
                if repeat.near:
                    groups += alike(normals, repeat.events, repeat.characters)
                places = {
                    place
                    for together in groups
                    for place in _crowded(rows, together, _content, repeat.events, repeat.authors, repeat.seconds)
                }
                for place in places:
                    found.setdefault(place, []).append(signal)
        return {place: tuple(sorted(signals, key=_by_rule)) for place, signals in found.items()}


def _by_rule(signal: Signal) -> tuple[str, str]:
    return signal.detector, signal.rule


def _event(row: VerdictRow) -> str:
    return row.event_id


def _content(row: VerdictRow) -> str:
    # An edit repeats what it edits.
    return row.content_id


def _groups(keys: Sequence[str], least: int) -> Iterable[list[int]]:
    """The positions of each key that stands there often enough. Most batches have none, and cost one count."""
    wanted = {key for key, count in Counter(keys).items() if count >= least}
    if not wanted:
        return ()
    groups: dict[str, list[int]] = {key: [] for key in wanted}
    for place, key in enumerate(keys):
        if key in wanted:
            groups[key].append(place)
    return groups.values()


def _crowded(
    rows: Sequence[VerdictRow],
    places: Sequence[int],
    identity: Callable[[VerdictRow], str],
    least: int,
    authors: int,
    seconds: float,
) -> set[int]:
    """Those of these rows that lie in some span of time with enough of them, by enough authors.

    Args:
        rows: the batch.
        places: the rows to look at.
        identity: what counts once, however often it stands there.
        least: how many must lie in a span.
        authors: by how many authors at least.
        seconds: how long a span is, both ends included.
    """
    if len(places) < least:
        return set()
    copies: dict[str, list[int]] = {}
    for place in places:
        copies.setdefault(identity(rows[place]), []).append(place)
    if len(copies) < least:
        return set()
    line = sorted((min(_moment(rows[place]) for place in some), name) for name, some in copies.items())
    longest = round(seconds * 1_000_000)
    by: Counter[str] = Counter()
    start = marked = 0
    found: set[int] = set()
    for end, (moment, name) in enumerate(line):
        by.update({rows[place].author_id for place in copies[name]})
        while moment - line[start][0] > longest:
            for author in {rows[place].author_id for place in copies[line[start][1]]}:
                by[author] -= 1
                if not by[author]:
                    del by[author]
            start += 1
        if end - start + 1 >= least and len(by) >= authors:
            for _, other in line[max(start, marked) : end + 1]:
                found.update(copies[other])
            marked = end + 1
    return found


def _moment(row: VerdictRow) -> int:
    """When it was created, in microseconds."""
    return (datetime.fromisoformat(row.created_at) - _BEGIN) // _MICROSECOND
