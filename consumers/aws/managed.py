"""Comprehend, Bedrock's guardrails and Rekognition behind the consumer's port. Clients are made on first use."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.config import Config

from consumers.aws.sinks import RefusedError, call, make_client
from consumers.escalation import AT_ONCE, CALL_SECONDS
from consumers.moderation.managed_labels import SENSITIVE_INFORMATION, TOPIC, TOXICITY, WORD
from consumers.ports import Question, TransientError, UnanswerableError
from glue.aws.address import parse_object

CONFIDENCE = {"NONE": 0.0, "LOW": 0.4, "MEDIUM": 0.6, "HIGH": 0.8}
"""What a guardrail's words count for; those of a policy's low, medium and high."""

_CONNECT_SECONDS = 1.0
_CONFIG = Config(
    # One try: the escalation counts each, waits, and leaves a failing service alone.
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=_CONNECT_SECONDS,
    read_timeout=CALL_SECONDS - _CONNECT_SECONDS,
    max_pool_connections=AT_ONCE,
    tcp_keepalive=True,
    parameter_validation=False,
)
_CLIENTS = {"comprehend": "comprehend", "bedrock": "bedrock-runtime", "rekognition": "rekognition"}

# Errors that lie in what was sent. Every other refusal lies in the rights, the names or the Region.
_BY_CONTENT = frozenset(
    {
        "TextSizeLimitExceededException",
        "InvalidRequestException",
        "UnsupportedLanguageException",
        "ValidationException",
        "ImageTooLargeException",
        "InvalidImageFormatException",
        "InvalidParameterException",
        "InvalidS3ObjectException",
    }
)
# Refusals by their status that pass all the same: quotas a second, and a model that is being made ready.
_PASSING = frozenset({"ServiceQuotaExceededException", "ModelNotReadyException", "ResourceNotReadyException"})

log = logging.getLogger("streamkeeper.managed")


class AwsManagedServices:
    """Managed AI of AWS; see :class:`consumers.ports.ManagedServices`.

    Args:
        client: makes a client for a service, given its name and configuration.

    Sources: https://docs.aws.amazon.com/comprehend/latest/APIReference/API_DetectToxicContent.html,
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html,
    https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectModerationLabels.html
    """

    def __init__(self, client: Callable[[str, Config], Any] = make_client) -> None:
        self._make = client
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()

    def ask(self, question: Question) -> Sequence[Mapping[str, float]]:
        """For each part scores by the service's labels; see :class:`consumers.ports.ManagedServices`."""
        try:
            return _ASK[question.service](self._client(question.service), question)
        except RefusedError as refused:
            # One line a failed call, and breaker and budget bound those. It holds the error's name only.
            log.warning("%s", refused)
            if refused.code in _PASSING:
                raise TransientError(refused.code) from None
            if refused.code in _BY_CONTENT:
                raise UnanswerableError(refused.code) from None
            raise
        except TransientError as error:
            log.warning("%s did not answer: %s", question.service, error.code)
            raise

    def _client(self, service: str) -> Any:
        # Making clients is not for several threads at once.
        with self._making:
            if service not in self._clients:
                self._clients[service] = self._make(_CLIENTS[service], _CONFIG)
            return self._clients[service]


def _comprehend(client: Any, question: Question) -> list[dict[str, float]]:
    answer = call(
        "comprehend:DetectToxicContent",
        client.detect_toxic_content,
        TextSegments=[{"Text": part} for part in question.parts],
        LanguageCode="en",
    )
    return [
        {TOXICITY: result.get("Toxicity", 0.0)} | {label["Name"]: label["Score"] for label in result["Labels"]}
        for result in answer["ResultList"]
    ]


def _bedrock(client: Any, question: Question) -> list[dict[str, float]]:
    [text] = question.parts
    answer = call(
        "bedrock:ApplyGuardrail",
        client.apply_guardrail,
        guardrailIdentifier=question.guardrail,
        guardrailVersion=question.guardrail_version,
        source="INPUT",
        content=[{"text": {"text": text}}],
        # Also what the guardrail saw and let pass: which score leads to which action is for the policy to say.
        outputScope="FULL",
    )
    scores: dict[str, float] = {}

    def found(label: str, score: float) -> None:
        scores[label] = max(scores.get(label, 0.0), score)

    for assessment in answer["assessments"]:
        for content in assessment.get("contentPolicy", {}).get("filters", ()):
            found(content["type"], CONFIDENCE.get(content["confidence"], 0.0))
        words = assessment.get("wordPolicy", {})
        personal = assessment.get("sensitiveInformationPolicy", {})
        for label, kinds in (
            (TOPIC, [assessment.get("topicPolicy", {}).get("topics", ())]),
            (WORD, [words.get("customWords", ()), words.get("managedWordLists", ())]),
            (SENSITIVE_INFORMATION, [personal.get("piiEntities", ()), personal.get("regexes", ())]),
        ):
            for kind in kinds:
                for one in kind:
                    found(label, 1.0 if one.get("detected", one.get("action") != "NONE") else 0.0)
    return [scores]


def _rekognition(client: Any, question: Question) -> list[dict[str, float]]:
    [address] = question.parts
    try:
        bucket, key = parse_object(address)
    except ValueError:
        # As Rekognition says of it; it need not be asked.
        raise RefusedError("rekognition:DetectModerationLabels", "InvalidS3ObjectException") from None
    answer = call(
        "rekognition:DetectModerationLabels",
        client.detect_moderation_labels,
        Image={"S3Object": {"Bucket": bucket, "Name": key}},
        MinConfidence=question.at_least * 100,
    )
    return [{label["Name"]: label["Confidence"] / 100 for label in answer["ModerationLabels"]}]


_ASK: dict[str, Callable[[Any, Question], list[dict[str, float]]]] = {
    "comprehend": _comprehend,
    "bedrock": _bedrock,
    "rekognition": _rekognition,
}
