"""Texts that word lists are held against: ordinary ones, which a list must leave alone, and toxic ones.

Only train and dev parts are read, and of the chat every other line; what judges the result is never among them.
"""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

CALM_SETS = ("xpersona_calm", "songys_chat_ko")
"""Sets of ordinary text in which nobody swears."""
POST_SETS = ("open2ch_ja", "wisesight_th")
"""Sets of posts that nobody chose for being rude; some are."""
JUDGED_SETS = (
    "cold", "curse_ko", "germeval2018", "gold_toxicity_es", "hatescore_ko", "mpold_ar", "pejorativity_it",
    "ro_fb_offense",
    "ru_distorted", "told_br", "toxifrench", "vihos_vi", "blob_id", "detox_hi_en", "civil_toxic_spans", "davidson",
    "convabuse", "gab_hate_corpus", "sms_spam", "bengali_hate", "korean_hate",
)  # fmt: skip
"""Sets with a label. Nothing of them is copied into a list; they say how often a term stands in either kind."""
EMOTION_SETS = ("brighter_a", "brighter_b")
MOST = 6000
"""Texts of one kind and set."""


Kind = Literal["ordinary", "clean", "toxic"]
"""Ordinary: nobody swears. Clean: what people post, or were asked whether it is rude and said no: some of it swears."""


class Sample(Struct, frozen=True):
    """One text: its language, and of which kind it is."""

    text: str
    language: str
    kind: Kind


def samples(data: Path) -> Iterator[Sample]:
    """The texts of the data folder."""
    labelled = data / "labelled"
    for name in CALM_SETS:
        yield from _some(labelled, name, lambda row: "ordinary")
    for name in POST_SETS:
        yield from _some(labelled, name, lambda row: "clean")
    for name in EMOTION_SETS:
        yield from _some(labelled, name, _calm)
    for name in JUDGED_SETS:
        yield from _some(labelled, name, _judged)
    for number, row in enumerate(_rows(data / "streams" / "ubuntu_irc_chat" / "events.jsonl.gz")):
        if number % 2 == 0:
            yield Sample(row["text"], "en", "ordinary")
    for row in _rows(data / "streams" / "wikipedia_edits_2015" / "events.jsonl.gz"):
        yield Sample(f"{row['page']}. {row['comment']}", row["channel"][1:].partition(".")[0], "ordinary")


def _calm(row: dict[str, Any]) -> Kind | None:
    return None if {"anger", "disgust"} & set(row["native"]["emotions"]) else "clean"


def _judged(row: dict[str, Any]) -> Kind | None:
    if row["label"] is None:
        return None
    return "toxic" if row["label"] else "clean"


def _some(labelled: Path, name: str, kind_of: Callable[[dict[str, Any]], Kind | None]) -> Iterator[Sample]:
    counts: Counter[tuple[str, Kind]] = Counter()
    for row in _rows(labelled / name / "data.jsonl.gz"):
        if row["split"] == "test" or not row["text"]:
            continue
        kind = kind_of(row)
        if kind is not None and counts[row["lang"], kind] < MOST:
            counts[row["lang"], kind] += 1
            yield Sample(row["text"], row["lang"], kind)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
