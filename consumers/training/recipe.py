"""What weights are made of: which labelled texts, which natural ones, how they are read, and how long is learned.

A recipe is TOML, kept beside the weights that were made by it, so that anyone with the same texts makes the same bytes.
"""

import tomllib
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z", description="a to z first, then a to z, 0 to 9 and _")]
Column = Annotated[str, Meta(min_length=1, max_length=200)]
Positive = Annotated[float, Meta(gt=0, le=1000)]


class TrainingError(ValueError):
    """Weights cannot be made of this; the message says what was received, what is allowed, and what to do."""


class HeadRecipe(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to find.

    Args:
        name: what it is called in weights and policies.
        bits: it gets 2 ** bits weights of one byte.
        rate: how far a step goes.
        epochs: how often all texts are gone through.
        steady: added to a text's count of features, so that one word alone is no certain thing.
        natural: how much a natural text counts, beside its set's own weight.
    """

    name: Name
    bits: Annotated[int, Meta(ge=8, le=22)] = 17
    rate: Annotated[float, Meta(gt=0, le=10)] = 0.1
    epochs: Annotated[int, Meta(ge=1, le=100)] = 4
    steady: Annotated[float, Meta(ge=0, le=100_000)] = 250
    natural: Positive = 1.0


class TextSet(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of texts.

    Args:
        name: names the set in messages and figures.
        file: its path, below the data folder when it is not absolute: JSON lines, CSV, TSV or Parquet, also gzip.
        head: the head it has labels for. None: natural texts, which are negatives of every head.
        text, label: columns; ``a.b`` is field b of column a.
        positive: labels that mean yes, as text. Empty: 1, true and yes do, 0, false and no do not.
        split: the column that says which rows are held out; empty: one in ten by a hash of the text and the seed.
        held_out: values of that column whose rows are never learned from.
        weight: how much one of its texts counts.
        spans: a column of character positions that say what of a positive text makes it one. The text without them is
            learned as a negative, they alone as a positive.
        without: rows are passed over in which one of these columns holds, or lists, one of these values.
        replace: pairs of texts; the first is replaced by the second before anything else, for marks of the data set's
            own which no live text has.
        unescape: whether HTML entities are undone first.
        licence: for the record.
    """

    name: Name
    file: Annotated[str, Meta(min_length=1)]
    head: Name | None = None
    text: Column = "text"
    label: Column = "label"
    positive: tuple[str, ...] = ()
    split: str = ""
    held_out: tuple[str, ...] = ("test",)
    weight: Positive = 1.0
    spans: str = ""
    without: dict[Column, tuple[str, ...]] = {}
    replace: tuple[tuple[str, str], ...] = ()
    unescape: bool = False
    licence: str = ""


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """All that decides which weights come out.

    Args:
        name: what the weights are called.
        heads: what they find.
        sets: what they learn from.
        seed: of the order of texts and of what is held out.
        base_rate: the share of texts that are what a head finds, where the weights are used; scores are calibrated to
            it.
    """

    name: Name
    heads: Annotated[tuple[HeadRecipe, ...], Meta(min_length=1, max_length=8)]
    sets: Annotated[tuple[TextSet, ...], Meta(min_length=1)]
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 1
    base_rate: Annotated[float, Meta(gt=0, lt=1)] = 0.01

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
            if one.head is not None and one.head not in heads:
                raise TrainingError(f"recipe: set {one.name!r}: head {one.head!r}; allowed: {', '.join(heads)}")
        for name in heads:
            if not any(one.head == name for one in self.sets):
                raise TrainingError(f"recipe: head {name!r} has no labelled set; give one with head = {name!r}")
