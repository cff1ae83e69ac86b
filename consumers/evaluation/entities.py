"""Personal data by span: what was labelled, what is found, what is missed; by kind.

A labelled span is found when a find of its kind overlaps it; a find is wrong when it overlaps no labelled span of its
kind. Borders do not count, and only what is sure does: what merely looks like personal data is masked, not found.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from consumers.evaluation.labelled import LabelError, Labelled, Passed
from consumers.evaluation.measures import of_spans
from consumers.evaluation.report import ALL, Answered, Group, Mistake, Report
from consumers.moderation.kinds import PERSONAL_DATA_KINDS
from consumers.moderation.located import personal_data_in

KNOWN: dict[str, str] = {
    **{kind: kind for kind in PERSONAL_DATA_KINDS},
    "EMAIL_ADDRESS": "email",
    "EMAIL": "email",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "IBAN": "iban",
    "IP_ADDRESS": "ip",
    "PHONE_NUMBER": "phone",
    "PHONE": "phone",
    "US_SSN": "us_ssn",
    "UK_NHS": "uk_nhs",
    "UK_NINO": "uk_nino",
    "ES_NIF": "es_dni",
    "IT_FISCAL_CODE": "it_codice_fiscale",
    "PL_PESEL": "pl_pesel",
}
"""Labels that are understood without being told, as other tools write them."""

_AROUND = 60
"""Characters shown on either side of a mistake."""

Span = tuple[str, int, int]


class Counted(Struct):
    """Spans of one kind in one group of texts."""

    found: int = 0
    wrong: int = 0
    missed: int = 0


class Entities:
    """Counts spans, text by text.

    Args:
        meaning: the kind for each label; empty: :data:`KNOWN`. Other labels are counted and passed over.
        mistakes: how many of each kind are shown.
        whole_texts: show them as they were written, not masked.
    """

    def __init__(self, meaning: Mapping[str, str], *, mistakes: int = 0, whole_texts: bool = False) -> None:
        self.texts = 0
        self._meaning = meaning or KNOWN
        self._asked = set(meaning.values()) - {""}
        self._most, self._whole = mistakes, whole_texts
        self._counted: dict[str, dict[tuple[str, str], Counted]] = {}
        self._mistakes: dict[tuple[str, str], list[Mistake]] = {}
        self._unknown: dict[str, int] = {}

    def add(self, row: Labelled, groups: Sequence[tuple[str, str]] = ()) -> None:
        """Looks at one text.

        Args:
            row: the text, with its labelled spans.
            groups: column and value, for each column that figures are told apart by.
        """
        self.texts += 1
        labelled: list[Span] = []
        for label, start, end in row.entities:
            kind = self._meaning.get(label)
            if kind:
                labelled.append((kind, start, end))
            elif kind is None:
                self._unknown[label] = self._unknown.get(label, 0) + 1
        finds = [(span.kind, span.start, span.end) for span in personal_data_in(row.text) if span.sure]
        hidden = [*labelled, *finds]
        for one in labelled:
            is_found = any(_overlap(one, find) for find in finds)
            self._count(one[0], groups, found=int(is_found), missed=int(not is_found))
            if not is_found:
                self._keep(row, one, "false negative", hidden)
        for find in finds:
            if not any(_overlap(find, one) for one in labelled):
                self._count(find[0], groups, wrong=1)
                self._keep(row, find, "false positive", hidden)

    def report(self, passed: Passed) -> Report:
        """The figures, a question for each kind that was asked for or is labelled somewhere.

        Raises:
            LabelError: no label is of a known kind.
        """
        passed.unknown |= self._unknown
        for kind in self._asked:
            self._counted.setdefault(kind, {}).setdefault((ALL, ALL), Counted())
        whole = {kind: groups[ALL, ALL] for kind, groups in self._counted.items()}
        kinds = sorted(kind for kind, one in whole.items() if kind in self._asked or one.found + one.missed)
        if not kinds:
            there = ", ".join(sorted(self._unknown)[:12]) or "none"
            raise LabelError(f"no span is of a known kind; labels there: {there}. Say what they are: --map LABEL=KIND")
        questions = tuple(Answered(kind, (kind,), tuple(self._groups(kind)), (), None, None, ()) for kind in kinds)
        mistakes = tuple(one for (kind, _), some in sorted(self._mistakes.items()) if kind in kinds for one in some)
        return Report("personal data", "sure", self.texts, passed, questions, mistakes, unit="spans")

    def _groups(self, kind: str) -> list[Group]:
        groups = self._counted[kind]
        several = {by for by, _ in groups if len({value for other, value in groups if other == by}) > 1}
        return [
            Group(by, value, of_spans(one.found, one.wrong, one.missed))
            for (by, value), one in sorted(groups.items(), key=lambda item: (item[0] != (ALL, ALL), item[0]))
            if by in several or by not in ("file", "language")
        ]

    def _count(
        self, kind: str, groups: Sequence[tuple[str, str]], *, found: int = 0, wrong: int = 0, missed: int = 0
    ) -> None:
        counted = self._counted.setdefault(kind, {})
        for group in ((ALL, ALL), *groups):
            one = counted.setdefault(group, Counted())
            one.found += found
            one.wrong += wrong
            one.missed += missed

    def _keep(self, row: Labelled, span: Span, what: str, hidden: Sequence[Span]) -> None:
        kept = self._mistakes.setdefault((span[0], what), [])
        if len(kept) < self._most:
            text = row.text if self._whole else _around(row.text, span, hidden)
            kept.append(Mistake(span[0], what, 0.0, "masked" if "pos" in what else "not found", (), text, row.place))


def _overlap(one: Span, other: Span) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def _around(text: str, span: Span, hidden: Sequence[Span]) -> str:
    """What stands around a span, with everything that was labelled or found hidden: a miss is personal data, too."""
    inside = [""] * len(text)
    for kind, start, end in hidden:
        for place in range(start, end):
            inside[place] = inside[place] or kind
    first, last = max(0, span[1] - _AROUND), min(len(text), span[2] + _AROUND)
    shown, before = [], ""
    for place in range(first, last):
        if inside[place] and inside[place] != before:
            shown.append(f"[{inside[place]}]")
        elif not inside[place]:
            shown.append(text[place])
        before = inside[place]
    return ("…" if first else "") + "".join(shown) + ("…" if last < len(text) else "")
