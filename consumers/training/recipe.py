"""What weights are made of: which labelled texts, which natural ones, how they are read, and how they are learned.

A recipe is TOML, kept beside the weights that were made by it, so that anyone with the same texts makes the same bytes.
"""

import tomllib
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z", description="a to z first, then a to z, 0 to 9 and _")]
Column = Annotated[str, Meta(min_length=1, max_length=200)]
File = Annotated[str, Meta(min_length=1)]
Positive = Annotated[float, Meta(gt=0, le=1000)]
Values = tuple[str, ...]


class TrainingError(ValueError):
    """Weights cannot be made of this; the message says what was received, what is allowed, and what to do."""


class HeadRecipe(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to find.

    Args:
        name: what it is called in weights and policies.
        ridge: the strength of the L2 penalty.
        passes: how often all texts are gone through.
        yes: how much a text with the label counts, beside one without.
        teacher: which of the teachers' scores say how surely a text is such, each with what it counts.
        half: how much the teachers have a say in a text that has a label; left out: as the teachers' own ``half``.
        shift: the teachers' score plus this is the logit of that; left out: it is fitted to the labels that there are.
        published: how much the published word weights count.
    """

    name: Name
    ridge: Positive = 0.3
    passes: Annotated[int, Meta(ge=1, le=1000)] = 40
    yes: Positive = 1.0
    teacher: dict[Column, float] = {}
    half: Annotated[float, Meta(ge=0, le=1)] | None = None
    shift: Annotated[float, Meta(ge=-20, le=20)] | None = None
    published: Annotated[float, Meta(ge=0, le=10)] = 0.0


class LabelRule(Struct, frozen=True, forbid_unknown_fields=True):
    """How a row says whether it is what a head finds.

    Args:
        column: where it is said; ``a.b`` is field b of column a. A list says each of its values.
        yes: values that mean yes, as text. Empty: 1, true and yes do, 0, false and no do not.
        no: values that mean no; others say nothing. Empty: all others mean no.
    """

    column: Column = "label"
    yes: Values = ()
    no: Values = ()


class TextSet(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of texts.

    Args:
        name: names the set in messages and figures.
        file: its path, below the data folder when it is not absolute: JSON lines, CSV, TSV or Parquet, also gzip.
        labels: by head, how a row says yes or no. A row that says nothing about a head is not learned from for it.
        calm: heads of which each row is a negative, unless ``labels`` says otherwise.
        text: the column with the text; ``a.b`` is field b of column a.
        language: the column with the language, or the language itself when there is no such column.
        natural: whether about as many of its texts are such as where the weights are used. Of another set a start of
            its own is learned and thrown away: how many of its texts are positive says how it was collected, and not
            what its words mean.
        split: the column that says what a row is for; empty: two in ten are set aside by a hash of text and seed.
        held_out: values of that column whose rows are never looked at while weights are made.
        aside: values of that column whose rows are calibrated on and not learned from. Empty: one in ten, by hash.
        weight: how much one of its texts counts.
        only: rows are used in which each of these columns holds, or lists, one of these values.
        without: rows are passed over in which one of these columns holds, or lists, one of these values.
        teachers_only: of rows in which one of these columns holds, or lists, one of these values, only the
            teachers speak.
        replace: pairs of texts; the first is replaced by the second before anything else, for marks of the data set's
            own which no live text has.
        unescape: whether HTML entities are undone first.
        licence: for the record.
    """

    name: Name
    file: File
    labels: dict[Name, LabelRule] = {}
    calm: tuple[Name, ...] = ()
    text: Column = "text"
    language: str = "lang"
    natural: bool = False
    split: str = ""
    held_out: Values = ("test",)
    aside: Values = ()
    weight: Positive = 1.0
    only: dict[Column, Values] = {}
    without: dict[Column, Values] = {}
    teachers_only: dict[Column, Values] = {}
    replace: tuple[tuple[str, str], ...] = ()
    unescape: bool = False
    licence: str = ""


class Teachers(Struct, frozen=True, forbid_unknown_fields=True):
    """What models that are too large to ship say of texts: rows of ``key`` and scores as logits.

    Args:
        file: where they are.
        half: how much of a text's label they have a say in, where it has one: 0 to 1.
        only_in: by score, the languages that it says anything of; a score left out: all.
        licence: for the record.
    """

    file: File
    half: Annotated[float, Meta(ge=0, le=1)] = 0.5
    only_in: dict[Column, Values] = {}
    licence: str = ""


class Published(Struct, frozen=True, forbid_unknown_fields=True):
    """Word weights that somebody else published.

    Args:
        file: where they are.
        word, weight: its columns.
        licence: for the record.
    """

    file: File
    word: Column = "token"
    weight: Column = "weight_times_idf"
    licence: str = ""


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """All that decides which weights come out.

    Args:
        name: what the weights are called.
        heads: what they find.
        sets: what they learn from.
        seed: of what is held out.
        base_rate: the share of texts that are what a head finds, where the weights are used; scores are calibrated to
            it.
        least: texts that a word must be in to get a weight of its own.
        most: words that get one, at most.
        bits: the n-grams of words get 2 ** bits weights.
        unknown: how much an unknown word's n-grams count.
        steady: added to a text's count of words, so that one word alone is no certain thing.
        longest: characters of a text that are learned from.
        teachers: scores to learn from, too.
        published: word weights to begin from.
    """

    name: Name
    heads: Annotated[tuple[HeadRecipe, ...], Meta(min_length=1, max_length=16)]
    sets: Annotated[tuple[TextSet, ...], Meta(min_length=1)]
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 1
    base_rate: Annotated[float, Meta(gt=0, lt=1)] = 0.01
    least: Annotated[int, Meta(ge=1, le=1000)] = 2
    most: Annotated[int, Meta(ge=0, le=1 << 20)] = 60_000
    bits: Annotated[int, Meta(ge=8, le=20)] = 16
    unknown: Annotated[float, Meta(ge=0, le=1)] = 0.8
    steady: Annotated[float, Meta(ge=1, le=1000)] = 4.0
    longest: Annotated[int, Meta(ge=100, le=8000)] = 1000
    teachers: Teachers | None = None
    published: Published | None = None

    @classmethod
    def load(cls, text: str) -> "Recipe":
        """The recipe in this TOML text.

        Raises:
            TrainingError: it is no TOML, a key is unknown or missing, a value is not allowed, or parts contradict.

        >>> Recipe.load('name = "a"')
        Traceback (most recent call last):
        consumers.training.recipe.TrainingError: recipe: Object missing required field `heads`
        """
        try:
            recipe = msgspec.convert(tomllib.loads(text), cls)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise TrainingError(f"recipe: {error}") from None
        recipe.check()
        return recipe

    def check(self) -> None:
        """Makes sure that its parts go together.

        Raises:
            TrainingError: two of one name, or a head without texts, or texts for no head.
        """
        heads = [head.name for head in self.heads]
        for names, what in ((heads, "head"), ([one.name for one in self.sets], "set")):
            for name in names:
                if names.count(name) > 1:
                    raise TrainingError(f"recipe: received {what} {name!r} twice; allowed: each name once")
        for one in self.sets:
            for name in (*one.labels, *one.calm):
                if name not in heads:
                    raise TrainingError(f"recipe: set {one.name!r}: head {name!r}; allowed: {', '.join(heads)}")
        for head in self.heads:
            if not any(head.name in one.labels for one in self.sets):
                raise TrainingError(f"recipe: head {head.name!r} has no labelled set; give one with labels for it")
            if head.teacher and self.teachers is None:
                raise TrainingError(f"recipe: head {head.name!r} has a teacher; give their scores as [teachers]")
            if head.published and self.published is None:
                raise TrainingError(f"recipe: head {head.name!r} wants published weights; give them as [published]")
