"""What a text says of a group of people, as scores by kind of attack.

A hostile word counts by where it stands: before or after a group in the same sentence, beside "should", near or far.
What is denied ("I don't hate ..."), quoted, objected to, or said of oneself counts little or nothing; what is kind and
denied ("... are not human") counts. Positions are characters: about six of them are a word, two in Chinese.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from string import ascii_lowercase

from msgspec import Struct

from consumers.moderation.detectors.relations.lexicon import FEWEST_LETTERS, Entry, Lexicon
from consumers.moderation.kinds import RelationKind
from consumers.moderation.scan import compiled, is_in

MAX_LOOKED_AT = 4_000
"""Characters of a text that are looked at, from its first group on."""

_SENTENCE = (
    r"[.!?;\n\x{2026}\x{3002}\x{ff01}\x{ff1f}\x{ff1b}\x{61f}\x{964}]+(?: |$|[\"'\x{201d}\x{bb}])|[\x{3002}\x{964}]"
)
_QUOTED = (
    r"\"[^\"]{3,200}\"|\x{201c}[^\x{201d}]{3,200}\x{201d}|\x{ab}[^\x{bb}]{3,200}\x{bb}"
    r"|\x{201e}[^\x{201c}\x{201d}]{3,200}[\x{201c}\x{201d}]|\x{300c}[^\x{300d}]{2,200}\x{300d}"
    r"|(?:^| )'[^']{3,200}'(?:[ .,!?]|$)|\x{2018}[^\x{2019}]{3,200}\x{2019}"
)
_EDGES = ".,;:!?\"'()[]*#-\u2026\u201c\u201d\u201e\u00ab\u00bb\u2018\u00bf\u00a1"
_WITHOUT_EDGES = str.maketrans(_EDGES, " " * len(_EDGES))
_COPULAS = frozenset(["are", "is", "r", "were", "be", "being", "as", "all", "have", "can", "will", "like"])
# Each with what it cannot match without: most texts have none of it.
_OWN = r"(?:^|[^a-z])(?:my|our|fellow) (?:[a-z]+ )?$", ("my ", "our ", "fellow ")
_DETERMINED = (
    r"(?:^|[^a-z])(?:that|this|his|her|your|the same|one) (?:[a-z]+ )?$",
    ("that ", "his ", "her ", "your ", "the same ", "one "),
)
_NO = (
    r"(?:^|[^a-z])(?:no|nobody|not all|not every|never) (?:[a-z]+ )?$",
    ("no ", "nobody ", "not all ", "not every ", "never "),
)
_CALLED_FOR = (
    r"(?:^|[^a-z' ] ?|(?:^|[^a-z])(?:to|gonna|wanna|gotta|let's|lets|please|just|and|then|or|should|must|will|would|'ll"
    r"|i'd|we'd|can|could|go|going|i|we|i'm|we're|us|someone|somebody|everyone|everybody|y'all|all|always|better|not"
    r"|never|fucking|be|start|ready) )$"
)
"""What stands before a verb that calls for something, or announces it; in "thugs kill women" it is told."""
_HELD = "|".join(letter * 3 for letter in ascii_lowercase)
_DENIED = frozenset({"positive", "negation"})
_UNSPACED = frozenset({"ja", "ko", "zh"})
"""Languages whose words are found inside others: no spaces, or endings that are attached."""
"""What is kind only attacks where it is denied."""


_Found = tuple[int, int, Sequence[Entry]]


class Hit(Struct, frozen=True, gc=False):
    """An entry found in a text.

    Args:
        start: position of its first character.
        end: position after its last.
        entry: the entry.
        weight: how strongly it counts here.
    """

    start: int
    end: int
    entry: Entry
    weight: float


class Relations:
    """Finds relations in texts of one language.

    Args:
        lexicon: the language's words.
        language: its primary subtag.
    """

    def __init__(self, lexicon: Lexicon, language: str) -> None:
        self._lexicon = lexicon
        self._english = language == "en"
        self._word = {"zh": 2, "ja": 2, "ko": 3}.get(language, 6)
        self._unbound = language in _UNSPACED
        self._clitics = _ARABIC_CLITICS if language == "ar" else ()
        # Words for "not" follow the verb in some languages.
        self._negated_after = {"de": 3, "nl": 3, "hi": 3, "fr": 1}.get(language, 0)

    def scores(self, folded: str) -> dict[RelationKind, float]:
        """By kind, how surely the text attacks a group, above 0 and up to 0.95; kinds that are not there are left out.

        Args:
            folded: the folded form of a text.
        """
        text = _unstretched(folded[:MAX_LOOKED_AT].replace("\u2019", "'").replace("\u02bc", "'"))
        hits = self._hits(text)
        roles = {hit.entry.role for hit in hits}
        if "group" not in roles or not ("hostile" in roles or roles.issuperset(_DENIED)):
            return {}
        ends = [match.end() for match in compiled(_SENTENCE).finditer(text)]
        sentences: list[dict[str, list[Hit]]] = [{} for _ in range(len(ends) + 1)]
        for hit in hits:
            sentences[bisect_right(ends, hit.start)].setdefault(hit.entry.role, []).append(hit)
        quoted = [match.span() for match in compiled(_QUOTED).finditer(text)] if _may_quote(text) else []
        outside = len(text) - sum(end - start for start, end in quoted)
        found: dict[RelationKind, list[float]] = {}
        calm = 0
        named = 0
        for number, sentence in enumerate(sentences):
            groups = sentence.get("group", [])
            if groups:
                named = 3
            if named:
                meant = [_meant(hit, 0.85) for hit in sentence.get("they", ())]
                groups = sorted([*groups, *meant], key=_start) if meant else groups
                if not groups and named == 2 and number:
                    # Where a verb needs no subject, and in half a sentence, it goes on about whom the last one named.
                    groups = [_meant(hit, 0.55) for hit in sentences[number - 1].get("group", ())[:1]]
                named -= 1
            if not groups:
                continue
            objected = 1.0
            if "counter" in roles and any("counter" in one for one in sentences[max(0, number - 1) : number + 2]):
                objected = 0.3
            for kind, score, places in self._in_sentence(text, sentence, groups):
                score *= objected
                if outside > 8 and any(_is_inside(quoted, place) for place in places):
                    score *= 0.35
                if score > 0.02:
                    found.setdefault(kind, []).append(score)
            calm += sum(hit.weight >= 1 for hit in sentence.get("positive", ()))
        return _together(found, calm)

    def _in_sentence(
        self, text: str, sentence: dict[str, list[Hit]], groups: Sequence[Hit]
    ) -> Iterator[tuple[RelationKind, float, tuple[int, int]]]:
        negations = sentence.get("negation", ())
        if not ("hostile" in sentence or ("positive" in sentence and negations)):
            return
        modals = sentence.get("modal", ())
        selves = sentence.get("self", ())
        standing = cache(lambda place: self._standing(text, groups[place], selves))
        for hit in sentence.get("hostile", ()):
            modal = any(0 <= hit.start - one.end <= 8 * self._word for one in _near(modals, hit.start))
            best, at = 0.0, -1
            around = _around(groups, hit.start)
            for place in around:
                group = groups[place]
                score = self._strength(text, group, hit, modal=modal) * group.weight
                # How the group stands makes it no stronger.
                if score > best and (score := score * standing(place)) > best:
                    best, at = score, place
            if best and not self._is_negated(text, hit, groups[around.start : around.stop], negations):
                yield hit.entry.kind, best * hit.weight, (hit.start, groups[at].start)
        for hit in sentence.get("positive", ()):
            near = [
                place
                for place in _around(groups, hit.start)
                if -4 * self._word <= hit.start - groups[place].end <= 8 * self._word
            ]
            if near and self._is_negated(text, hit, (), negations):
                best = max(groups[place].weight * standing(place) for place in near)
                yield "exclusion", 0.55 * hit.weight * best, (hit.start, groups[near[0]].start)

    def _strength(self, text: str, group: Hit, hit: Hit, *, modal: bool) -> float:
        """How surely a hostile word is said of a group, by where both stand."""
        place, word = hit.entry.place, self._word
        before = group.start - hit.end
        after = hit.start - group.end
        if before < -1 and after < -1:
            return 0.0
        gap = before if before >= -1 else after
        near = 1.0 if gap <= 5 * word else 0.75 if gap <= 9 * word else 0.5 if gap <= 13 * word else 0.2
        if place == "before":
            if before < -1:
                return 0.15
            told = (
                self._english
                and hit.entry.kind == "violence"
                and not modal
                and compiled(_CALLED_FOR).search(text[max(0, hit.start - 12) : hit.start]) is None
            )
            return (near if before <= 4 * word else 0.25) * (0.55 if told else 1.0)
        if place == "after":
            return near if after >= -1 else 0.2
        if place == "modal":
            return near if modal else 0.2
        if hit.entry.sign:
            # A sign attacks what it stands beside.
            if gap <= 1.5 * word or (self._english and gap <= 4 * word and has_copula(text[group.end : hit.start])):
                return 1.0
            if modal:
                return 0.9
            return 0.7 if hit.entry.kind != "dehumanisation" and gap <= 4 * word else 0.2
        if not self._english:
            return near * (1.0 if modal or hit.entry.kind != "violence" else 0.6)
        if before >= -1:
            return 1.0 if gap <= 1 else 0.5 if gap <= 2 * word else 0.3
        if gap <= 1 or has_copula(text[group.end : hit.start]):
            return near
        return 0.6 if gap <= 3 * word else 0.35

    def _standing(self, text: str, group: Hit, selves: Sequence[Hit]) -> float:
        """Less than 1 for a group whose member is speaking, or one member of it."""
        near = 3 * self._word if self._english else 2
        around = _near(selves, group.start)
        if any(0 <= group.start - one.end <= near or one.start <= group.start < one.end for one in around):
            return 0.3
        if self._english and _stands_before(_OWN, text, group.start):
            return 0.3
        if self._english and _stands_before(_DETERMINED, text, group.start):
            return 0.6
        return 1.0

    def _is_negated(self, text: str, hit: Hit, groups: Sequence[Hit], negations: Sequence[Hit]) -> bool:
        word = self._word
        for negation in _near(negations, hit.start):
            # "nobody should ..." reaches further than "not", and "I don't think that ..." over a comma.
            reach = (10 if negation.weight > 1 else 3) * word
            if 0 <= hit.start - negation.end <= reach and (
                negation.weight > 2 or "," not in text[negation.end : hit.start]
            ):
                return True
            if 0 <= negation.start - hit.end <= self._negated_after * word:
                return True
        return any(group.end <= hit.start and _stands_before(_NO, text, group.start) for group in groups)

    def _hits(self, text: str) -> list[Hit]:
        """The entries in a text that stand as words, none inside another, in order."""
        found: list[_Found] = []
        known = self._lexicon.entries
        inside: list[_Found] = []
        same: Sequence[Entry]
        size = len(text)
        for index, start, end in self._lexicon.find(text, overlapping=True):
            same = known[index]
            # Nearly all that stand as words stand between spaces.
            if (not start or text[start - 1] == " " or self._starts(text, start)) and (
                end == size or text[end] == " " or self._ends(text, end, same[0])
            ):
                found.append((start, self._whole(text, end) if same[0].open_end else end, same))
            elif end - start >= 4 and same[0].role in {"group", "hostile"}:
                inside.append((start, end, same))
        # What is misspelled is of letters alone, so that signs between words need not be told from signs within them.
        if not self._lexicon.are_spelled(text.translate(_WITHOUT_EDGES).split()):
            taken = {start for start, _, _ in found}
            at = 0
            for token in text.split(" "):
                word = token.strip(_EDGES)
                if len(word) >= FEWEST_LETTERS - 1 and (same := self._lexicon.misspelled(word)):
                    start = at + token.find(word)
                    if start not in taken:
                        found.append((start, start + len(word), same))
                at += len(token) + 1
        found += _run_together(inside)
        found.sort(key=lambda one: (one[0], -one[1], -max(entry.weight for entry in one[2])))
        hits: list[Hit] = []
        last = 0
        for start, end, same in found:
            if end > last:
                if start >= last or not hits:
                    last = end
                    hits += [Hit(start, end, entry, entry.weight) for entry in same]
                elif end - start > 0 and start < last:
                    # Two that overlap at their edges both count: "all gay" and "gay people".
                    hits += [Hit(start, end, entry, entry.weight) for entry in same]
                    last = end
        return hits

    def _starts(self, text: str, start: int) -> bool:
        if not start or self._unbound or not (is_letter(text[start - 1]) and is_letter(text[start])):
            return True
        for clitic in self._clitics:
            at = start - len(clitic)
            if at >= 0 and text.startswith(clitic, at) and (not at or not is_letter(text[at - 1])):
                return True
        return False

    def _ends(self, text: str, end: int, entry: Entry) -> bool:
        return (
            entry.open_end
            or self._unbound
            or end >= len(text)
            or not (is_letter(text[end]) and is_letter(text[end - 1]))
        )

    @staticmethod
    def _whole(text: str, end: int) -> int:
        while end < len(text) and is_letter(text[end]):
            end += 1
        return end


def has_copula(between: str) -> bool:
    """Whether one of the words stands here that say of a group what it is.

    >>> has_copula("these are all"), has_copula("'re "), has_copula("near")
    (True, True, False)
    """
    words = between.split(" ")
    return (
        not _COPULAS.isdisjoint(words)
        or "'re " in between
        or "'s " in between
        or ("=" in between and any(word and not word.strip("=") for word in words))
    )


def _stands_before(what: tuple[str, Sequence[str]], text: str, place: int) -> bool:
    expression, marks = what
    before = text[max(0, place - 24) : place]
    return (
        before[-1:] == " " and any(map(before.__contains__, marks)) and compiled(expression).search(before) is not None
    )


def _may_quote(text: str) -> bool:
    return '"' in text or " '" in text or text[:1] == "'" or not text.isascii()


def is_letter(character: str) -> bool:
    """Whether a word goes on with this character; the vowel signs of Devanagari are marks.

    >>> is_letter("a"), is_letter("\u0947"), is_letter(" ")
    (True, True, False)
    """
    return character.isalnum() or "\u0900" <= character <= "\u0963"


_ARABIC_CLITICS = ("ال", "و", "وال", "بال", "لل", "ل", "ب", "ف", "فال", "كال", "ك", "ول", "وب", "ولل")


def _unstretched(text: str) -> str:
    """The text with letters that are held long, three times or more, written once."""
    if text.isascii() and not is_in(_HELD)(text.encode()):
        return text
    for letter in set(text):
        if letter * 3 in text and letter.isalpha():
            text = _written_once(text, letter)
    return text


def _written_once(text: str, letter: str) -> str:
    """The text with each run of three of a letter, or more, written as one."""
    parts = []
    at = 0
    while (start := text.find(letter * 3, at)) >= 0:
        parts.append(text[at : start + 1])
        at = start + 3
        while text.startswith(letter, at):
            at += 1
    return "".join([*parts, text[at:]])


def _meant(hit: Hit, weight: float) -> Hit:
    return Hit(hit.start, hit.end, hit.entry, weight)


def _run_together(inside: Sequence[_Found]) -> list[_Found]:
    """Those pieces of words that are a group and something hostile in one word: "killallmuslims"."""
    groups = [one for one in inside if one[2][0].role == "group"]
    hostile = sorted((one for one in inside if one[2][0].role == "hostile"), key=lambda one: one[0])
    starts = [one[0] for one in hostile]
    kept = []
    for group in groups:
        for other in hostile[bisect_right(starts, group[0] - 30) : bisect_right(starts, group[1] + 12)]:
            if -1 <= max(group[0] - other[1], other[0] - group[1]) <= 12:
                kept += [group, other]
                break
    return kept


_MOST_NEAR = 4
"""Words before and behind a place that are looked at: what is further says nothing, and a text of groups alone ends."""


def _start(hit: Hit) -> int:
    return hit.start


def _around(hits: Sequence[Hit], place: int) -> range:
    """Which of the hits, in order, stand next to a place."""
    if len(hits) <= _MOST_NEAR:
        return range(len(hits))
    middle = bisect_right(hits, place, key=_start)
    return range(max(0, middle - _MOST_NEAR), min(len(hits), middle + _MOST_NEAR))


def _near(hits: Sequence[Hit], place: int) -> Sequence[Hit]:
    if len(hits) <= _MOST_NEAR:
        return hits
    around = _around(hits, place)
    return hits[around.start : around.stop]


def _is_inside(spans: Sequence[tuple[int, int]], place: int) -> bool:
    before = bisect_right(spans, (place, len(spans) and spans[-1][1] + 1))
    return before > 0 and spans[before - 1][0] <= place < spans[before - 1][1]


_WEAK = 0.33
"""Scores below which a hostile word adds nothing to another of its kind."""


def _together(found: dict[RelationKind, list[float]], calm: int) -> dict[RelationKind, float]:
    """One score for each kind; the strongest kind's grows by what the others add."""
    if not found:
        return {}
    count = sum(map(len, found.values()))
    damp = 1.0 if calm == 0 else 0.75 if calm <= count else 0.5
    every = [score for scores in found.values() for score in scores]
    # Ten words that say little are no more than one that does.
    weak = max((score for score in every if score < _WEAK), default=0.0)
    missed = 1 - 0.85 * weak
    for score in every:
        if score >= _WEAK:
            missed *= 1 - 0.85 * min(score, 1.0)
    best = max(found, key=lambda kind: (max(found[kind]), kind))
    scores_by_kind = {kind: 0.85 * max(scores) * damp for kind, scores in found.items()}
    scores_by_kind[best] = max(scores_by_kind[best], (1 - missed) * damp)
    return {kind: round(min(score, 0.95), 4) for kind, score in scores_by_kind.items()}
