"""The adapters for managed AI: what they send, and what they make of documented answers and errors."""

import logging
import socket
import threading
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber

from consumers.aws.managed import AwsManagedServices
from consumers.aws.sinks import make_client
from consumers.escalation import CALL_SECONDS
from consumers.ports import DefectError, Question, TransientError, UnanswerableError

CANARY = "xyzzy-canary"
TEXT = Question("comprehend", ("you fool", CANARY), at_least=0.5)
GUARD = Question("bedrock", (CANARY,), "gr1abc", "3", 0.5)
IMAGE = Question("rekognition", ("s3://media/a/b c.jpg",), at_least=0.6)
CLIENTS = {"comprehend": "comprehend", "bedrock": "bedrock-runtime", "rekognition": "rekognition"}
OPERATIONS = {
    "comprehend": "detect_toxic_content",
    "bedrock": "apply_guardrail",
    "rekognition": "detect_moderation_labels",
}


def client(service: str, config: Config | None = None, **more: object) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y", config=config, **more
    )


def stubbed(question: Question) -> tuple[AwsManagedServices, Stubber, list[str]]:
    """The services with a stub for the one that is asked, and the names of the clients that were made."""
    made: list[str] = []
    one = client(CLIENTS[question.service])

    def make(service: str, config: Config) -> Any:
        made.append(service)
        return one

    return AwsManagedServices(make), Stubber(one), made


def test_comprehend_is_asked_about_all_parts_at_once() -> None:
    services, stub, made = stubbed(TEXT)
    labels = [{"Name": "INSULT", "Score": 0.75}, {"Name": "PROFANITY", "Score": 0.1}]
    stub.add_response(
        "detect_toxic_content",
        {"ResultList": [{"Labels": labels, "Toxicity": 0.8}, {"Labels": [], "Toxicity": 0.01}]},
        {"TextSegments": [{"Text": "you fool"}, {"Text": CANARY}], "LanguageCode": "en"},
    )
    with stub:
        answer = services.ask(TEXT)
    assert answer == [{"TOXICITY": 0.8, "INSULT": 0.75, "PROFANITY": 0.1}, {"TOXICITY": 0.01}]
    assert made == ["comprehend"]


def test_a_client_is_made_on_the_first_question_and_once() -> None:
    services, stub, made = stubbed(TEXT)
    assert made == []
    for _ in range(2):
        stub.add_response("detect_toxic_content", {"ResultList": []})
    with stub:
        services.ask(TEXT)
        services.ask(TEXT)
    assert made == ["comprehend"]


USAGE = dict.fromkeys(
    (
        "topicPolicyUnits",
        "contentPolicyUnits",
        "wordPolicyUnits",
        "sensitiveInformationPolicyUnits",
        "sensitiveInformationPolicyFreeUnits",
        "contextualGroundingPolicyUnits",
    ),
    1,
)


def test_a_guardrail_says_words_that_are_scores_and_finds_that_count_one() -> None:
    services, stub, _ = stubbed(GUARD)
    stub.add_response(
        "apply_guardrail",
        {
            "usage": USAGE,
            "action": "GUARDRAIL_INTERVENED",
            "outputs": [{"text": "blocked"}],
            "assessments": [
                {
                    "contentPolicy": {
                        "filters": [
                            {"type": "HATE", "confidence": "HIGH", "action": "BLOCKED", "detected": True},
                            {"type": "INSULTS", "confidence": "LOW", "action": "NONE", "detected": False},
                            {"type": "VIOLENCE", "confidence": "NONE", "action": "NONE", "detected": False},
                            {"type": "SEXUAL", "confidence": "MEDIUM", "action": "NONE", "detected": True},
                        ]
                    },
                    "topicPolicy": {
                        "topics": [{"name": "tips", "type": "DENY", "action": "NONE", "detected": False}],
                    },
                    "wordPolicy": {
                        "customWords": [],
                        "managedWordLists": [{"match": CANARY, "type": "PROFANITY", "action": "BLOCKED"}],
                    },
                    "sensitiveInformationPolicy": {
                        "piiEntities": [{"match": CANARY, "type": "EMAIL", "action": "NONE", "detected": True}],
                        "regexes": [],
                    },
                }
            ],
        },
        {
            "guardrailIdentifier": "gr1abc",
            "guardrailVersion": "3",
            "source": "INPUT",
            "content": [{"text": {"text": CANARY}}],
            "outputScope": "FULL",
        },
    )
    with stub:
        answer = services.ask(GUARD)
    assert answer == [
        {
            "HATE": 0.8,
            "INSULTS": 0.4,
            "VIOLENCE": 0.0,
            "SEXUAL": 0.6,
            "TOPIC": 0.0,
            "WORD": 1.0,
            "SENSITIVE_INFORMATION": 1.0,
        }
    ]


def test_a_guardrail_that_finds_nothing_says_nothing() -> None:
    services, stub, made = stubbed(GUARD)
    stub.add_response("apply_guardrail", {"usage": USAGE, "action": "NONE", "outputs": [], "assessments": [{}]})
    with stub:
        assert services.ask(GUARD) == [{}]
    assert made == ["bedrock-runtime"]


def test_rekognition_is_given_where_the_image_lies() -> None:
    services, stub, _ = stubbed(IMAGE)
    stub.add_response(
        "detect_moderation_labels",
        {
            "ModerationModelVersion": "7.0",
            "ModerationLabels": [
                {"Name": "Violence", "ParentName": "", "Confidence": 92.5, "TaxonomyLevel": 1},
                {"Name": "Weapons", "ParentName": "Violence", "Confidence": 92.5, "TaxonomyLevel": 2},
            ],
        },
        {"Image": {"S3Object": {"Bucket": "media", "Name": "a/b c.jpg"}}, "MinConfidence": 60.0},
    )
    with stub:
        assert services.ask(IMAGE) == [{"Violence": 0.925, "Weapons": 0.925}]


@pytest.mark.parametrize(
    ("question", "code", "status", "expected"),
    [
        (TEXT, "ThrottlingException", 400, TransientError),
        (TEXT, "TooManyRequestsException", 400, TransientError),
        (TEXT, "InternalServerException", 500, TransientError),
        (TEXT, "InvalidRequestException", 400, UnanswerableError),
        (TEXT, "TextSizeLimitExceededException", 400, UnanswerableError),
        (TEXT, "UnsupportedLanguageException", 400, UnanswerableError),
        (TEXT, "AccessDeniedException", 400, DefectError),
        (GUARD, "ThrottlingException", 429, TransientError),
        (GUARD, "ServiceUnavailableException", 503, TransientError),
        (GUARD, "ServiceQuotaExceededException", 400, TransientError),
        (GUARD, "ModelNotReadyException", 429, TransientError),
        (GUARD, "ValidationException", 400, UnanswerableError),
        (GUARD, "AccessDeniedException", 403, DefectError),
        (GUARD, "ResourceNotFoundException", 404, DefectError),
        (IMAGE, "ProvisionedThroughputExceededException", 400, TransientError),
        (IMAGE, "ThrottlingException", 400, TransientError),
        (IMAGE, "InternalServerError", 500, TransientError),
        (IMAGE, "InvalidS3ObjectException", 400, UnanswerableError),
        (IMAGE, "ImageTooLargeException", 400, UnanswerableError),
        (IMAGE, "InvalidImageFormatException", 400, UnanswerableError),
        (IMAGE, "AccessDeniedException", 400, DefectError),
    ],
    ids=lambda value: value.service if isinstance(value, Question) else getattr(value, "__name__", str(value)),
)
def test_a_documented_error_passes_or_is_the_contents_or_nobodys(
    question: Question, code: str, status: int, expected: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "streamkeeper")
    services, stub, _ = stubbed(question)
    stub.add_client_error(OPERATIONS[question.service], code, f"not {CANARY}", status)
    with stub, pytest.raises(expected) as caught:
        services.ask(question)
    assert code in str(caught.value)
    assert code in caplog.text, "a line says why"
    assert CANARY not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None


def test_missing_credentials_are_a_defect() -> None:
    class Client:
        def detect_toxic_content(self, **given: object) -> None:
            raise NoCredentialsError

    with pytest.raises(DefectError, match="NoCredentialsError"):
        AwsManagedServices(lambda service, config: Client()).ask(TEXT)


def test_an_answer_that_nobody_documented_is_no_crash_of_the_batch() -> None:
    services, stub, _ = stubbed(TEXT)
    stub.add_response("detect_toxic_content", {})
    with stub, pytest.raises(KeyError):
        services.ask(TEXT)


def test_a_service_that_hangs_is_left_in_time_and_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []
        threading.Thread(target=lambda: taken.append(server.accept()[0]), daemon=True).start()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        configs: list[Config] = []

        def make(service: str, config: Config) -> Any:
            configs.append(config)
            return make_client(service, config.merge(Config(read_timeout=0.2)))

        with pytest.raises(TransientError, match="ReadTimeoutError"):
            AwsManagedServices(make).ask(TEXT)
        assert len(taken) == 1
        assert configs[0].connect_timeout + configs[0].read_timeout == CALL_SECONDS  # type: ignore[attr-defined]
        for one in taken:
            one.close()
