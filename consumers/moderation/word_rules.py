"""What may stand in a policy about words: terms, words beside something else, and word lists."""

from typing import Annotated

from msgspec import Meta, field

from consumers.moderation.rule_values import Expression, Language, Name, Record, RuleRecord, Score, Severity, Term


class TermRule(RuleRecord, frozen=True):
    """Words and phrases that say the same about a text.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        label: what a text with one of these terms is; one of the policy's labels.
        score: how surely, 0 to 1; or give severity.
        terms: the words and phrases; or give from.
        from: instead of terms: a file of words and phrases, one on a line, beside the policy; # begins a comment.
        language: looks only at events of this language (its primary subtag) or of none; left out: at all.
        whole_words: whether a term must stand between word bounds.
        exact: only as written, not with look-alike letters: for terms such as Spanish "ano", which "año" folds to.
        severity: instead of score: low, medium, high or critical.
    """

    rule: Name
    label: Name
    score: Score
    terms: Annotated[tuple[Term, ...], Meta(min_length=1)] = ()
    from_: str = field(default="", name="from")
    language: Language | None = None
    whole_words: bool = True
    exact: bool = False
    severity: Severity | None = None


class BesideRule(RuleRecord, frozen=True):
    """Two things that say more together: what other rules found, and words in the same text.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        label: what a text with both is; one of the policy's labels.
        score: how surely, 0 to 1; or give severity.
        labels: the first: a signal of one of these labels. They are looked for even where the policy switches them off.
        at_least: the score that such a signal has at least.
        terms: the second: one of these words and phrases.
        patterns: or one of these re2 expressions over the normalised text.
        severity: instead of score: low, medium, high or critical.
    """

    rule: Name
    label: Name
    score: Score
    labels: Annotated[tuple[Name, ...], Meta(min_length=1)]
    at_least: Score = 0.0
    terms: tuple[Term, ...] = ()
    patterns: tuple[Expression, ...] = ()
    severity: Severity | None = None


class WordsRule(Record, frozen=True):
    """The word lists of the bundle; left out, none are used. Words that cannot lead to anything are not looked for.

    Args:
        languages: only the lists of these languages, and that of words which count in every language, called any; left
            out: all.
        version: which lists they are. Need not be given; where it is, other lists are refused.
    """

    languages: tuple[Language, ...] = ()
    version: str = ""
