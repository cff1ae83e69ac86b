"""Bodies of Perspective's form as records: what the documented clients send, with what they get wrong put right."""

from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from consumers.scoring import errors
from consumers.scoring.relaxed_json import strict

_ScoreType = Literal["PROBABILITY", "STD_DEV_SCORE", "PERCENTILE", "RAW", "SCORE_TYPE_UNSPECIFIED"]
_TextType = Literal["TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT", "HTML"]


class TextEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A text with its type."""

    text: str = ""
    type: _TextType = "PLAIN_TEXT"


class ArticleContext(Struct, frozen=True, forbid_unknown_fields=True):
    """What a comment was written under."""

    article: TextEntry | None = None
    parentComment: TextEntry | None = None  # noqa: N815  the form's name


class Context(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands around a comment; taken, and not used for scores."""

    entries: list[TextEntry] = []
    articleAndParentComment: ArticleContext | None = None  # noqa: N815


class AttributeParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """How one attribute is asked for."""

    scoreType: _ScoreType = "PROBABILITY"  # noqa: N815
    scoreThreshold: float | None = None  # noqa: N815


class AnalyzeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What ``comments:analyze`` takes."""

    comment: TextEntry = TextEntry()
    context: Context | None = None
    requestedAttributes: dict[str, AttributeParameters] = {}  # noqa: N815
    languages: list[str] = []
    spanAnnotations: bool = False  # noqa: N815
    doNotStore: bool = False  # noqa: N815
    clientToken: str = ""  # noqa: N815
    sessionId: str = ""  # noqa: N815
    communityId: str = ""  # noqa: N815
    dropUnsupportedAttributes: bool = False  # noqa: N815


class Score(Struct, frozen=True, forbid_unknown_fields=True):
    """A suggested score."""

    value: float
    type: _ScoreType = "PROBABILITY"


class SpanScore(Struct, frozen=True, forbid_unknown_fields=True):
    """A suggested score of a part."""

    begin: int
    end: int
    score: Score


class SuggestedScores(Struct, frozen=True, forbid_unknown_fields=True):
    """What is suggested for one attribute."""

    summaryScore: Score | None = None  # noqa: N815
    spanScores: list[SpanScore] = []  # noqa: N815


class SuggestRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What ``comments:suggestscore`` takes."""

    comment: TextEntry = TextEntry()
    context: Context | None = None
    attributeScores: dict[str, SuggestedScores] = {}  # noqa: N815
    languages: list[str] = []
    clientToken: str = ""  # noqa: N815
    sessionId: str = ""  # noqa: N815
    communityId: str = ""  # noqa: N815


T = TypeVar("T", AnalyzeRequest, SuggestRequest)

_analyze = msgspec.json.Decoder(AnalyzeRequest)
_suggest = msgspec.json.Decoder(SuggestRequest)
_NAMES_AS_GIVEN = frozenset({"requestedAttributes", "attributeScores"})
_LISTS = frozenset({"languages", "entries", "spanScores"})


def read_analyze(body: bytes) -> AnalyzeRequest:
    """What a body asks to be scored.

    Raises:
        FormError: it is empty, not JSON, or not of the form.
    """
    try:
        return _analyze.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read(body, AnalyzeRequest)


def read_suggest(body: bytes) -> SuggestRequest:
    """What a body suggests; see :func:`read_analyze`."""
    try:
        return _suggest.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read(body, SuggestRequest)


def _read(body: bytes, kind: type[T]) -> T:
    if not body.strip():
        raise errors.empty_comment()
    try:
        document = _document(body)
        if not isinstance(document, dict):
            raise errors.malformed("Root element must be a message.")
        return msgspec.convert(_plain(document, ""), kind)
    except msgspec.ValidationError as error:
        raise errors.malformed(*_described(str(error))) from None
    except RecursionError:
        raise errors.malformed("Message too deep.") from None


def _document(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as strictly:
        try:
            return msgspec.json.decode(strict(body.decode("utf-8")))
        except UnicodeDecodeError:
            raise errors.malformed("Invalid UTF-8 in the request.") from None
        except msgspec.DecodeError:
            # The message says where, and holds nothing of the body.
            raise errors.malformed(f"{str(strictly).partition(':')[0]}.") from None


def _plain(value: Any, name: str) -> Any:
    """A value with the form's own names, without null, with lists where a single value stands for one."""
    if name in _LISTS and not isinstance(value, list):
        value = [value]
    if isinstance(value, dict):
        as_given = name in _NAMES_AS_GIVEN
        return {
            key: _plain({} if inner is None else inner, "") if as_given else _plain(inner, key)
            for key, inner in ((key if as_given else _camel(key), inner) for key, inner in value.items())
            if as_given or inner is not None
        }
    if isinstance(value, list):
        return [_plain(inner, "") for inner in value]
    if name in ("scoreThreshold", "value", "begin", "end") and isinstance(value, str):
        try:
            return float(value) if name in ("scoreThreshold", "value") else int(value)
        except ValueError:
            return value
    return value


def _camel(name: str) -> str:
    """The form's name of a field, also where it is written as in its protocol buffers.

    >>> _camel("requested_attributes")
    'requestedAttributes'
    """
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _described(message: str) -> tuple[str, str]:
    r"""What is wrong, in the words of the form, and where.

    >>> _described("Object contains unknown field `foo` - at `$.comment`")
    ('Unknown name "foo" at \'comment\': Cannot find field.', 'comment')
    """
    what, _, where = message.partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    if what.startswith("Object contains unknown field `"):
        name = what.removeprefix("Object contains unknown field `").rstrip("`")
        return f'Unknown name "{name}"{f" at {field!r}" if field else ""}: Cannot find field.', field
    return f"Invalid value{f' at {field!r}' if field else ''}: {what}.", field


def check_comment(comment: TextEntry, context: Context | None) -> None:
    """Refuses a comment that is empty, not plain, too long, or under two kinds of context.

    Raises:
        FormError: it is.
    """
    if not comment.text.strip():
        raise errors.empty_comment()
    if comment.type == "HTML":
        raise errors.not_plain()
    if context is not None and context.entries and context.articleAndParentComment is not None:
        raise errors.both_contexts()
    size = len(comment.text) if comment.text.isascii() else len(comment.text.encode("utf-8", "surrogatepass"))
    if size > errors.MAX_TEXT_BYTES:
        raise errors.too_long(size)
