"""What `check` finds on templates in the style of public samples, and what it makes of anything else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from infra.checking.check import RULES, check
from infra.cli import streamkeeper
from infra.local.cloudformation.intrinsics import load_template

TEMPLATES = Path(__file__).parent / "templates"
OURS = Path(__file__).parents[4] / "infra" / "aws" / "template.yaml"
EVENTS = "Enrich.Events.Clicks"
EXPECTED = {
    "clickstream": {
        *((rule, EVENTS) for rule in ("SK101", "SK102", "SK103", "SK104", "SK109", "SK110", "SK111", "SK115", "SK116")),
        ("SK201", "ClickStream"),
        *((rule, "Delivery") for rule in ("SK203", "SK206", "SK207", "SK209", "SK210")),
    },
    "telemetry": {
        *((rule, "Mapping") for rule in ("SK105", "SK106", "SK107", "SK108", "SK112", "SK114", "SK118")),
        ("SK201", "Telemetry"),
        ("SK202", "Telemetry"),
    },
    "orders": {
        ("SK001", "ToLake"),
        ("SK101", "Book.Events.Order"),
        ("SK117", "Book.Events.Order"),
        ("SK301", "Refunds"),
        ("SK302", "Orders"),
        ("SK303", "DeadOrders"),
        ("SK401", "Report"),
        ("SK402", "Shipped"),
        *((rule, "ToLake") for rule in ("SK204", "SK208", "SK209", "SK210")),
    },
}


def template(name: str) -> dict[str, Any]:
    return load_template((TEMPLATES / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_template_has_these_findings_and_no_others(name: str) -> None:
    found = {(one.rule, one.resource) for one in check(template(name)) if one.suppressed is None}
    assert found == EXPECTED[name]


def test_every_rule_is_broken_by_one_of_them_and_says_why_and_what_to_write() -> None:
    broken = {one.rule for name in EXPECTED for one in check(template(name))}
    assert {rule.id for rule in RULES} - broken == {"SK113"}
    assert len({rule.id for rule in RULES}) == len(RULES) >= 20
    for rule in RULES:
        assert rule.why.endswith(".")
        assert rule.fix
        assert re.match(r"https://(docs\.)?aws\.amazon\.com/", rule.source), rule.source


def test_the_projects_own_template_has_no_finding_without_a_written_reason() -> None:
    assert [(one.rule, one.resource) for one in check(load_template(OURS.read_text())) if one.suppressed is None] == []


def test_a_function_that_may_run_less_often_than_there_are_shards_is_named() -> None:
    found = template("clickstream")
    found["Resources"]["Enrich"]["Properties"]["ReservedConcurrentExecutions"] = 8
    [finding] = [one for one in check(found) if one.rule == "SK113"]
    assert finding.message == "Enrich may run 8 times at once, and 16 batches are ready at once"


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("SK101", {"FunctionResponseTypes": ["ReportBatchItemFailures"]}),
        ("SK102", {"MaximumRetryAttempts": 8}),
        ("SK103", {"MaximumRecordAgeInSeconds": 3600}),
        ("SK104", {"DestinationConfig": {"OnFailure": {"Type": "S3", "Destination": "arn:aws:s3:::dead"}}}),
        ("SK109", {"ParallelizationFactor": 1}),
        ("SK110", {"StartingPosition": "TRIM_HORIZON"}),
        ("SK111", {"BisectBatchOnFunctionError": True}),
    ],
)
def test_what_the_fix_says_is_no_finding_any_more(rule: str, change: dict[str, Any]) -> None:
    found = template("clickstream")
    found["Resources"]["Enrich"]["Properties"]["Events"]["Clicks"]["Properties"].update(change)
    assert rule not in {one.rule for one in check(found)}


@pytest.mark.parametrize(
    ("names", "calls_the_alias"),
    [
        ({"Ref": "Live"}, True),
        ({"Fn::Sub": "${Aggregate}:live"}, True),
        ({"Fn::Sub": "${Aggregate.Arn}:live"}, True),
        ({"Fn::Sub": ["${Aggregate}:${Name}", {"Name": "live"}]}, True),
        ("arn:aws:lambda:eu-west-1:111122223333:function:aggregate", True),
        ({"Ref": "Aggregate"}, False),
        ({"Fn::GetAtt": ["Aggregate", "Arn"]}, False),
        ({"Fn::GetAtt": "Aggregate.Arn"}, False),
        ({"Fn::Sub": "${Aggregate}"}, False),
        ({"Fn::Sub": "${Aggregate.Arn}:$LATEST"}, False),
    ],
)
def test_a_mapping_past_the_alias_is_named_however_it_names_the_function(names: Any, calls_the_alias: bool) -> None:
    found = template("telemetry")
    found["Resources"]["Mapping"]["Properties"]["FunctionName"] = names
    assert ("SK118" not in {one.rule for one in check(found)}) is calls_the_alias
    del found["Resources"]["Live"]
    assert "SK118" not in {one.rule for one in check(found)}, "there is no alias to go past"


def test_an_alias_of_sam_counts_and_its_own_events_go_to_it() -> None:
    found = template("clickstream")
    found["Resources"]["Enrich"]["Properties"]["AutoPublishAlias"] = "live"
    assert "SK118" not in {one.rule for one in check(found)}
    ours = load_template(OURS.read_text())
    ours["Resources"]["ModerateMapping"]["Properties"]["FunctionName"] = {"Ref": "ModerateFunction"}
    assert ("SK118", "ModerateMapping") in {(one.rule, one.resource) for one in check(ours)}


def test_parameters_are_put_in_and_what_only_a_deployment_knows_is_no_finding() -> None:
    assert "SK112" in {one.rule for one in check(template("telemetry"))}
    assert "SK112" not in {one.rule for one in check(template("telemetry"), {"Concurrency": 5})}
    unknown = template("telemetry")
    del unknown["Parameters"]["MaxAge"]["Default"]
    assert "SK105" not in {one.rule for one in check(unknown)}


def test_the_dead_letters_of_a_fifo_queue_are_dated_anew() -> None:
    fifo = template("orders")
    fifo["Resources"]["Orders"]["Properties"]["FifoQueue"] = True
    assert "SK303" not in {one.rule for one in check(fifo)}


def test_a_reason_at_the_top_holds_for_the_whole_template_and_a_short_one_for_nothing() -> None:
    found = template("clickstream")
    found["Metadata"] = {"Streamkeeper": {"Suppress": [{"Rule": "SK201", "Reason": "a demo that nobody relies on"}]}}
    [one] = [one for one in check(found) if one.rule == "SK201"]
    assert one.suppressed == "a demo that nobody relies on"
    found["Metadata"]["Streamkeeper"]["Suppress"][0]["Reason"] = "ok"
    assert {"SK001", "SK201"} <= {one.rule for one in check(found) if one.suppressed is None}


_scalars = st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats() | st.text(max_size=8)
_NAMES = st.sampled_from(
    [
        "EventSourceArn",
        "FunctionName",
        "Events",
        "Type",
        "Properties",
        "Stream",
        "Queue",
        "DestinationConfig",
        "OnFailure",
        "Destination",
        "FilterCriteria",
        "Filters",
        "RedrivePolicy",
        "deadLetterTargetArn",
        "Targets",
        "ExtendedS3DestinationConfiguration",
        "BufferingHints",
        "ProcessingConfiguration",
        "Processors",
        "Metrics",
        "StreamModeDetails",
        "Ref",
        "Fn::If",
        "Fn::GetAtt",
        "Fn::Sub",
        "Timeout",
        "Metadata",
        "RetentionPeriodHours",
        "Suppress",
        "DynamicPartitioningConfiguration",
        "DataFormatConversionConfiguration",
        "MetricStat",
        "CloudWatchLoggingOptions",
        "Streamkeeper",
        "EventInvokeConfig",
        "FunctionResponseTypes",
        "TumblingWindowInSeconds",
        "Function",
        "A",
        "B",
    ]
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=12
)
_TYPES = st.sampled_from(
    [
        "AWS::Kinesis::Stream",
        "AWS::Serverless::Function",
        "AWS::Lambda::EventSourceMapping",
        "AWS::SQS::Queue",
        "AWS::KinesisFirehose::DeliveryStream",
        "AWS::Events::Rule",
        "AWS::CloudWatch::Alarm",
        "AWS::Lambda::Function",
    ]
)
_resources = st.dictionaries(
    st.sampled_from(["A", "B", "C"]),
    st.fixed_dictionaries({"Type": _TYPES}, optional={"Properties": _values, "Metadata": _values}) | _values,
    max_size=3,
)


@given(resources=_resources, more=st.dictionaries(st.sampled_from(["Globals", "Parameters", "Metadata"]), _values))
def test_a_template_of_any_content_ends_in_findings(resources: dict[str, Any], more: dict[str, Any]) -> None:
    for one in check({"Resources": resources, **more}):
        assert one.rule.startswith("SK")


# ---------------------------------------------------------------------------------------------------- the command


def run(*arguments: str) -> Any:
    return CliRunner().invoke(streamkeeper, ["check", *arguments])


def test_the_command_ends_with_4_at_the_severity_that_counts() -> None:
    path = str(TEMPLATES / "orders.yaml")
    assert run(path).exit_code == 4
    assert run(path, "--fail-on", "never").exit_code == 0
    assert run(str(OURS)).exit_code == 0
    text = run(path).output
    assert "fix    RedrivePolicy" in text
    assert "SK205 suppressed at ToLake: the queue's consumer keeps every order" in text


def test_the_command_gives_json() -> None:
    answer = run(str(TEMPLATES / "telemetry.yaml"), "--fail-on", "high", "--json")
    document = json.loads(answer.stdout)
    assert document["failing"] == 4
    assert {"rule", "severity", "resource", "message", "why", "fix", "source"} <= document["findings"][0].keys()
    assert [rule["id"] for rule in json.loads(run("--rules", "--json").stdout)] == [rule.id for rule in RULES]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no mapping named Resources"),
        (b"Resources: [", "not YAML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 5000, "YAML"),
        (b"Resources: 3", "no mapping named Resources"),
    ],
)
def test_a_file_that_is_no_template_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "t.yaml").write_bytes(content)
    answer = run(str(tmp_path / "t.yaml"))
    assert answer.exit_code == 2, answer.output
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_what_is_missing_or_wrong_is_said() -> None:
    assert run().exit_code == 2
    assert "No such file" in run("nowhere.yaml").stderr
    assert "NAME=VALUE" in run(str(OURS), "--parameter", "x").stderr


BROKEN = """\
Parameters: {Stage: {Type: String, AllowedValues: [dev, prod], Default: dev}}
Resources:
  Fn::ForEach::Queues: [Name, [a, b], {"Queue${Name}": {Type: AWS::SQS::Queue}}]
  Typo: just text
  NoType: {Properties: {}}
  Queue: {Type: AWS::SQS::Queue}
"""


def run_broken(tmp_path: Path, *arguments: str) -> Any:
    path = tmp_path / "template.yaml"
    path.write_text(BROKEN)
    return run(str(path), *arguments)


def test_what_cannot_be_looked_at_is_named_and_is_not_said_to_be_clean(tmp_path: Path) -> None:
    said = run_broken(tmp_path).stdout
    assert "not looked at, since it has no Type: Fn::ForEach::Queues, Typo, NoType" in said
    assert json.loads(run_broken(tmp_path, "--json").stdout)["not_looked_at"] == [
        "Fn::ForEach::Queues",
        "Typo",
        "NoType",
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Stag=prod", "the template has no parameter Stag; there are: Stage"),
        ("Stage=test", "Stage is 'test'; the template allows: dev, prod"),
    ],
)
def test_a_parameter_that_the_template_does_not_take_is_wrong_use(tmp_path: Path, given: str, said: str) -> None:
    answer = run_broken(tmp_path, "--parameter", given)
    assert (answer.exit_code, said in answer.stderr) == (2, True), answer.output


def test_the_fix_of_partial_failures_is_right_for_queues_too() -> None:
    [rule] = [one for one in RULES if one.id == "SK101"]
    assert "of a queue, every message that failed" in rule.fix, "what a queue's function leaves out is deleted"
