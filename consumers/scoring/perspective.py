"""``comments:analyze`` and ``comments:suggestscore``: a request's record in, an answer's document out."""

from collections.abc import Mapping
from typing import Any

from consumers.scoring import errors
from consumers.scoring.attributes import AttributeScorer
from consumers.scoring.forms import AnalyzeRequest, AttributeParameters, SuggestRequest, check_comment
from consumers.scoring.languages import UNDETERMINED, detect, unsupported
from consumers.scoring.sentences import sentences, utf16_length, utf16_spans

_SERVED = ("PROBABILITY", "SCORE_TYPE_UNSPECIFIED")


def _score(value: float) -> dict[str, Any]:
    return {"value": value, "type": "PROBABILITY"}


class Perspective:
    """Answers in Perspective's form.

    Args:
        scorer: scores texts.
        default_language: what a text in Latin letters is taken for that says too little.
    """

    def __init__(self, scorer: AttributeScorer, *, default_language: str = "en") -> None:
        self._scorer = scorer
        self._default = default_language

    def analyze(self, request: AnalyzeRequest) -> tuple[dict[str, Any], Mapping[str, float]]:
        """The answer's document, and all scores, also those below their thresholds.

        Args:
            request: what is asked.

        Raises:
            FormError: it is refused.
        """
        text = request.comment.text
        check_comment(request.comment, request.context)
        wanted = self._wanted(request.requestedAttributes)
        detected = detect(text, default=self._default)
        languages = request.languages or list(detected[:1])
        if not languages:
            raise errors.no_language()
        names = self._in_languages(wanted, languages, request)
        language = request.languages[0] if request.languages else None
        scores = self._scorer.scores(text, names, language=language) if names else {}
        kept = [name for name in names if _reaches(scores[name], wanted[name])]
        document: dict[str, Any] = {}
        if kept:
            spans = self._spans(text, kept, scores, language, request)
            document["attributeScores"] = {
                name: {"spanScores": spans[name], "summaryScore": _score(scores[name])} for name in kept
            }
        document["languages"] = languages
        document["detectedLanguages"] = list(detected) or [UNDETERMINED]
        if request.clientToken:
            document["clientToken"] = request.clientToken
        return document, scores

    def suggest(self, request: SuggestRequest) -> dict[str, Any]:
        """The answer to a suggestion, which is checked and not kept. Any attribute may be suggested.

        Args:
            request: what is suggested.

        Raises:
            FormError: it is not whole.
        """
        check_comment(request.comment, request.context)
        if not request.attributeScores:
            raise errors.suggestion("Missing attribute_scores")
        for name, one in request.attributeScores.items():
            if one.summaryScore is None and not one.spanScores:
                raise errors.suggestion(f"Missing score of attribute {name}")
        detected = list(detect(request.comment.text, default=self._default)) or [UNDETERMINED]
        document: dict[str, Any] = {"detectedLanguages": detected}
        if request.languages:
            document["requestedLanguages"] = request.languages
        if request.clientToken:
            document["clientToken"] = request.clientToken
        return document

    def _wanted(self, requested: Mapping[str, AttributeParameters]) -> Mapping[str, AttributeParameters]:
        if not requested:
            raise errors.no_attributes()
        for name in requested:
            if name not in self._scorer.attributes:
                raise errors.unknown_attribute(name)
        for name, parameters in requested.items():
            if parameters.scoreType not in _SERVED:
                raise errors.score_type(parameters.scoreType, name)
        return requested

    def _in_languages(
        self, wanted: Mapping[str, AttributeParameters], languages: list[str], request: AnalyzeRequest
    ) -> list[str]:
        names = []
        for name in wanted:
            missing = unsupported(languages, self._scorer.attributes[name].languages)
            if not missing:
                names.append(name)
            elif not request.dropUnsupportedAttributes:
                raise errors.language(name, missing, requested=bool(request.languages))
        return names

    def _spans(
        self,
        text: str,
        names: list[str],
        scores: Mapping[str, float],
        language: str | None,
        request: AnalyzeRequest,
    ) -> Mapping[str, list[dict[str, Any]]]:
        parts = sentences(text) if request.spanAnnotations else []
        if len(parts) < 2 and parts in ([], [(0, len(text))]):
            whole = {"begin": 0, "end": utf16_length(text)}
            return {name: [{**whole, "score": _score(scores[name])}] for name in names}
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for (begin, end), (first, last) in zip(parts, utf16_spans(text, parts), strict=True):
            for name, value in self._scorer.scores(text[begin:end], names, language=language).items():
                found[name].append({"begin": first, "end": last, "score": _score(value)})
        return found


def _reaches(score: float, parameters: AttributeParameters) -> bool:
    return parameters.scoreThreshold is None or score >= parameters.scoreThreshold
