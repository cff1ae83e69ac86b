"""What speaks against a deployment is found before anything is made."""

import pytest

from infra.deploying.looking import (
    Existing,
    Quotas,
    is_left_over,
    of_the_bundle,
    of_the_key,
    of_the_parameters,
    of_the_quotas,
    of_the_stack,
    of_the_template,
)
from infra.local.cloudformation.intrinsics import parameter_values
from infra.local.cloudformation.provision import read_template

TEMPLATE = read_template()
ACCOUNT = "111122223333"
OURS = {"ContentStreamName": "a", "LakeBucketName": "b", "ModerateFunctionName": "c"}
KEY = "arn:aws:kms:eu-west-1:111122223333:key/k"
DEFAULTS = {name: str(rule["Default"]) for name, rule in TEMPLATE["Parameters"].items()}


def about(**parameters: str) -> list[tuple[str, str]]:
    found = of_the_parameters(TEMPLATE, {"AlarmTopicArn": "arn:aws:sns:eu-west-1:111122223333:a", **parameters}, {})
    return [(one.level, one.says.partition("=")[0]) for one in found]


def test_the_defaults_lose_nothing() -> None:
    assert about() == []
    assert of_the_template(TEMPLATE, stack="streamkeeper", parameters={}, account_id=ACCOUNT) == []


@pytest.mark.parametrize(
    ("parameters", "level", "name"),
    [
        ({"MaximumRetryAttempts": "8"}, "warn", "MaximumRetryAttempts"),
        ({"FunctionReservedConcurrency": "3", "ShardCount": "4"}, "stop", "FunctionReservedConcurrency"),
        (
            {"FunctionReservedConcurrency": "7", "ShardCount": "4", "ParallelizationFactor": "2"},
            "stop",
            "FunctionReservedConcurrency",
        ),
        (
            {"StreamRetentionHours": "24", "IteratorAgeAlarmMilliseconds": "86400000"},
            "warn",
            "IteratorAgeAlarmMilliseconds",
        ),
        ({"Consumer": "off"}, "warn", "Consumer"),
        ({"AlarmTopicArn": ""}, "warn", "AlarmTopicArn is empty: alarms reach nobody"),
    ],
)
def test_parameters_that_lose_data_together_are_named(parameters: dict[str, str], level: str, name: str) -> None:
    assert about(**parameters) == [(level, name)]


def test_a_record_age_that_the_template_would_not_bound_is_held_against_the_retention() -> None:
    template = {
        "Parameters": {"StreamRetentionHours": {"Type": "Number"}, "MaximumRecordAgeSeconds": {"Type": "Number"}}
    }
    for hours, age, stops in ((24, 64_800, False), (24, 64_801, True), (168, 604_800, True), (168, 583_200, False)):
        values = {"StreamRetentionHours": str(hours), "MaximumRecordAgeSeconds": str(age)}
        found = [one for one in of_the_parameters(template, values, {}) if one.level == "stop"]
        assert bool(found) == stops, (hours, age)
        if found:
            assert f"MaximumRecordAgeSeconds={hours * 3600 - 6 * 3600} at most" in found[0].do


@pytest.mark.parametrize(
    "name",
    [
        *("StreamRetentionHours", "ArchiveRetentionDays", "VerdictRetentionDays", "QuarantineRetentionDays"),
        "ErrorRetentionDays",
    ],
)
def test_a_shorter_retention_is_a_loss_and_a_longer_one_is_none(name: str) -> None:
    least = str(TEMPLATE["Parameters"][name]["MinValue"])
    shorter = of_the_parameters(TEMPLATE, {**DEFAULTS, name: least}, DEFAULTS)
    assert [one.level for one in shorter if name in one.says and "goes from" in one.says] == ["loss"]
    longer = of_the_parameters(TEMPLATE, DEFAULTS, {**DEFAULTS, name: least})
    assert [one for one in longer if one.level == "loss"] == []


def test_the_database_of_a_stack_cannot_get_another_name() -> None:
    [found] = [
        one
        for one in of_the_parameters(TEMPLATE, {**DEFAULTS, "DatabaseName": "other"}, DEFAULTS)
        if one.level == "stop"
    ]
    assert "DatabaseName cannot change" in found.says


@pytest.mark.parametrize(("before", "after", "stops"), [("", KEY, 0), (KEY, KEY, 0), (KEY, "", 1), (KEY, KEY + "2", 1)])
def test_the_key_of_a_stack_stays(before: str, after: str, stops: int) -> None:
    found = of_the_parameters(TEMPLATE, {**DEFAULTS, "KeyArn": after}, {**DEFAULTS, "KeyArn": before})
    assert sum("KeyArn cannot change" in one.says and one.level == "stop" for one in found) == stops


@pytest.mark.parametrize(
    ("described", "said"),
    [
        (None, "no such key"),
        ({"KeyState": "PendingDeletion", "KeySpec": "SYMMETRIC_DEFAULT"}, "the key is PendingDeletion"),
        ({"KeyState": "Enabled", "KeySpec": "RSA_2048"}, "the key is RSA_2048"),
    ],
)
def test_a_key_that_encrypts_nothing_is_refused(described: dict[str, str] | None, said: str) -> None:
    [found] = of_the_key(KEY, described)
    assert (found.level, said in found.says) == ("stop", True)
    assert of_the_key(KEY, {"KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT"}) == []


@pytest.mark.parametrize(
    ("parameters", "about", "said"),
    [
        ({"LandingIntervalSeconds": "5"}, "parameters", "outside 60 to 900"),
        ({"LandingBufferMegabytes": "1"}, "parameters", "outside 64 to 128"),
        ({"Shards": "5"}, "parameters", "no such parameter: Shards"),
        ({"DatabaseName": "Ours"}, "parameters", "does not match"),
    ],
)
def test_what_aws_refuses_is_refused_here(parameters: dict[str, str], about: str, said: str) -> None:
    [found] = of_the_template(TEMPLATE, stack="streamkeeper", parameters=parameters, account_id=ACCOUNT)
    assert (found.level, found.about) == ("stop", about)
    assert said in found.says


def test_a_stack_name_that_aws_refuses_is_refused_here() -> None:
    [found] = of_the_template(TEMPLATE, stack="My-Stack", parameters={}, account_id=ACCOUNT)
    assert (found.level, found.about) == ("stop", "names")


@pytest.mark.parametrize(
    ("existing", "levels"),
    [
        (None, []),
        (Existing("CREATE_COMPLETE", outputs=OURS), []),
        (Existing("UPDATE_COMPLETE", outputs=OURS), []),
        (Existing("UPDATE_ROLLBACK_COMPLETE", outputs=OURS), []),
        (Existing("IMPORT_COMPLETE", resources=5), []),
        (Existing("CREATE_COMPLETE", outputs={"Url": "x"}, resources=3), ["stop"]),
        (Existing("UPDATE_IN_PROGRESS", outputs=OURS), ["stop"]),
        (Existing("ROLLBACK_COMPLETE"), ["warn"]),
        (Existing("REVIEW_IN_PROGRESS"), ["warn"]),
        (Existing("ROLLBACK_COMPLETE", resources=1), ["stop"]),
        (Existing("ROLLBACK_FAILED", resources=2), ["stop"]),
        (Existing("DELETE_FAILED", resources=2), ["stop"]),
        (Existing("UPDATE_ROLLBACK_FAILED", outputs=OURS), ["stop"]),
    ],
)
def test_the_state_of_a_stack_says_whether_it_can_be_deployed(existing: Existing | None, levels: list[str]) -> None:
    assert [one.level for one in of_the_stack("streamkeeper", existing)] == levels
    if levels == ["warn"]:
        assert existing is not None
        assert is_left_over(existing)


def test_quotas_are_held_against_what_is_wanted_more() -> None:
    values = parameter_values(TEMPLATE, {"ShardCount": 4, "FunctionReservedConcurrency": 50})
    assert of_the_quotas(Quotas(), values, before={}) == []
    assert of_the_quotas(Quotas(4, 1000, 150), values, before={}) == []
    assert [one.level for one in of_the_quotas(Quotas(3, 1000, 150), values, before={})] == ["stop"]
    assert of_the_quotas(Quotas(3, 1000, 150), values, before={"ShardCount": "1"}) == []
    assert [one.level for one in of_the_quotas(Quotas(4, 1000, 149), values, before={})] == ["stop"]
    assert [one.level for one in of_the_quotas(Quotas(4, 4, None), values, before={})] == ["warn"]


def test_a_bundle_that_is_missing_or_old_stops_the_deployment() -> None:
    assert of_the_bundle([]) == []
    assert of_the_bundle(None)[0].do == "make bundle"
    assert "a.py, b.py, c.py and 1 more" in of_the_bundle(["a.py", "b.py", "c.py", "d.py"])[0].says
