"""The policy that holds: the last good one, taken up without a deploy; and S3's answers on the way to it."""

from datetime import UTC, datetime
from io import BytesIO

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from consumers.aws.application import keep_policy
from consumers.aws.policy_store import S3PolicyStore
from consumers.aws.settings import Settings, SettingsError
from consumers.moderation.policy import Policy
from consumers.policy_keeper import PolicyKeeper
from consumers.ports import DefectError, TransientError
from glue.aws.address import parse_object
from tests.fakes.policies import FakePolicyStore

BUNDLED = 'id = "bundled"\n[labels.spam]\nflag = 0.5\n'
FIRST = BUNDLED.replace("bundled", "first")
SECOND = BUNDLED.replace("bundled", "second")
BROKEN = FIRST.replace("0.5", "5")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


def keeper(store: FakePolicyStore | None, now: float = NOW) -> PolicyKeeper:
    return PolicyKeeper(store, bundled=lambda: Policy.load(BUNDLED), now=now, interval=60)


def test_a_new_policy_is_taken_up_after_the_interval_and_asked_for_once_in_it() -> None:
    store = FakePolicyStore(FIRST)
    kept = keeper(store)
    assert kept.moderator.policy_id == "first"
    store.text = SECOND
    assert [kept.refresh(NOW + seconds) for seconds in (1, 59, 60, 61, 119, 120)] == [
        False,
        False,
        True,
        False,
        False,
        False,
    ]
    assert kept.moderator.policy_id == "second"
    assert store.reads == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda store: setattr(store, "text", BROKEN),
        lambda store: setattr(store, "text", "not toml ["),
        lambda store: setattr(store, "text", FIRST + '[[terms]]\nrule="a"\nlabel="spam"\nscore=1\nterms=["\u200b"]\n'),
        lambda store: setattr(store, "failure", DefectError("S3 answered NoSuchKey")),
        lambda store: setattr(store, "failure", TransientError("SlowDown")),
    ],
)
def test_what_cannot_be_used_is_refused_and_the_last_good_one_stays(spoil: object) -> None:
    store = FakePolicyStore(FIRST)
    kept = keeper(store)
    good = kept.moderator
    spoil(store)  # type: ignore[operator]
    assert kept.refresh(NOW + 60) is False
    assert kept.moderator is good
    assert kept.refused
    assert "spam" not in kept.refused
    assert kept.refresh(NOW + 120) is False
    assert kept.refused, "it is still refused, though it was not read again"
    store.text, store.failure = SECOND, None
    assert kept.refresh(NOW + 180) is True
    assert (kept.moderator.policy_id, kept.refused) == ("second", "")


def test_a_cold_start_with_a_broken_policy_takes_the_last_published_one_and_else_the_bundles() -> None:
    store = FakePolicyStore(BROKEN)
    assert keeper(store).moderator.policy_id == "bundled"
    store.last_good = FIRST
    kept = keeper(store)
    assert kept.moderator.policy_id == "first"
    assert kept.refused.startswith("1 problems, the first at line 3, column 8")


def test_a_cold_start_takes_the_newest_earlier_version_that_can_be_used() -> None:
    store = FakePolicyStore(BROKEN)
    store.versions = [BROKEN, "not toml [", SECOND, FIRST]
    store.last_good = FIRST
    kept = keeper(store)
    assert kept.moderator.policy_id == "second"
    assert kept.refused


class _Broken:
    """A text that no loader was made for."""

    def __getattr__(self, name: str) -> object:
        raise ValueError("too many values to unpack")


def test_a_defect_of_the_loader_is_refused_as_a_bad_policy_is() -> None:
    store = FakePolicyStore(FIRST)
    kept = keeper(store)
    good = kept.moderator
    store.text = _Broken()  # type: ignore[assignment]
    assert kept.refresh(NOW + 60) is False
    assert (kept.moderator is good, kept.refused) == (True, "a defect of the code, ValueError")
    store.last_good = FIRST
    assert keeper(store).moderator.policy_id == "first"


def versioned_bucket(*, listing: bool) -> S3PolicyStore:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    stubber = Stubber(client)
    asked = {"Bucket": "b", "Prefix": "k"}
    if listing:
        newest_first = [
            {"Key": "k", "VersionId": "3"},
            {"Key": "k.last-good", "VersionId": "9"},
            {"Key": "k", "VersionId": "2"},
            {"Key": "k", "VersionId": "1"},
        ]
        stubber.add_response("list_object_versions", {"Versions": newest_first}, asked)
        stubber.add_response("get_object", body(b"three"), {"Bucket": "b", "Key": "k", "VersionId": "3"})
        stubber.add_client_error(
            "get_object",
            "SlowDown",
            http_status_code=503,
            expected_params={"Bucket": "b", "Key": "k", "VersionId": "2"},
        )
        stubber.add_response("get_object", body(b"one"), {"Bucket": "b", "Key": "k", "VersionId": "1"})
    else:
        stubber.add_client_error("list_object_versions", "AccessDenied", http_status_code=403, expected_params=asked)
    stubber.add_response("get_object", body(b"copy"), {"Bucket": "b", "Key": "k.last-good"})
    stubber.activate()
    return S3PolicyStore("b", "k", client=client)


def test_what_may_stand_in_is_an_earlier_version_then_the_published_copy() -> None:
    assert [one.text for one in versioned_bucket(listing=True).earlier()] == ["three", "one", "copy"]
    assert [one.text for one in versioned_bucket(listing=False).earlier()] == ["copy"]


def test_a_policy_of_the_bundle_asks_nobody() -> None:
    kept = keeper(None)
    assert kept.refresh(NOW + 1e6) is False
    assert (kept.moderator.policy_id, kept.refused) == ("bundled", "")


def test_a_rule_expires_at_midnight_in_a_warm_process() -> None:
    rule = '[[terms]]\nrule = "a"\nlabel = "spam"\nscore = 1\nterms = ["free money"]\nexpires = 2026-03-02\n'
    kept = keeper(FakePolicyStore(FIRST + rule))
    version = kept.moderator.policy_version
    assert kept.moderator.judge("free money", surface="post").decision.action == "flag"
    midnight = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
    assert kept.refresh(midnight - 1) is False
    assert kept.refresh(midnight) is True
    assert kept.moderator.judge("free money", surface="post").decision.action == "allow"
    assert kept.moderator.policy_version != version
    assert kept.refresh(midnight + 1) is False


def s3_store(answer: dict[str, object] | None = None, *, error: str = "", status: int = 400) -> S3PolicyStore:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    stubber = Stubber(client)
    expected = {"Bucket": "b", "Key": "k", "IfNoneMatch": '"e"'}
    if error:
        stubber.add_client_error("get_object", error, http_status_code=status, expected_params=expected)
    else:
        stubber.add_response("get_object", answer or {}, expected)
    stubber.activate()
    return S3PolicyStore("b", "k", client=client)


def body(data: bytes) -> dict[str, object]:
    return {"Body": StreamingBody(BytesIO(data), len(data)), "ETag": '"f"', "ContentLength": len(data)}


def test_s3_gives_the_text_with_its_tag_and_nothing_when_it_is_the_same() -> None:
    stored = s3_store(body(FIRST.encode())).read('"e"')
    assert stored is not None
    assert (stored.text, stored.etag) == (FIRST, '"f"')
    assert s3_store(error="304", status=304).read('"e"') is None


@pytest.mark.parametrize(
    ("store", "kind"),
    [
        (s3_store(error="NoSuchKey", status=404), DefectError),
        (s3_store(error="AccessDenied", status=403), DefectError),
        (s3_store(error="SlowDown", status=503), TransientError),
        (s3_store(body(b"\xff")), DefectError),
        (s3_store(body(b"") | {"ContentLength": 9 << 20}), DefectError),
    ],
)
def test_what_s3_does_not_give_is_told_apart(store: S3PolicyStore, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        store.read('"e"')


@pytest.mark.parametrize("name", ["nope", "s3://", "s3://b", "s3://ab/key", "S3://b/k"])
def test_a_policy_that_is_nowhere_is_a_setting_that_is_refused(name: str) -> None:
    settings = Settings(
        verdicts_delivery_stream="v", quarantine_delivery_stream="q", event_bus_name="b", status_table="s", policy=name
    )
    with pytest.raises(SettingsError, match="POLICY: received"):
        keep_policy(settings, now=NOW)


def test_an_address_has_a_bucket_and_a_key() -> None:
    assert parse_object("s3://my.bucket/a/b c") == ("my.bucket", "a/b c")
