"""Rules on how parts are joined: bundle and functions, names in environments, rules, queues, tables, outputs."""

import ast
import re
from functools import cache
from pathlib import Path

import msgspec

from consumers.aws.settings import Settings
from consumers.aws.sinks import DETAIL_TYPE, SOURCE
from infra.bundle import PYTHON, TARGET
from infra.local.defaults import TEMPLATE
from tests.house.template_rules import Stack, listed

ROOT = Path(__file__).parents[2]
BY_BUILDS = frozenset({"CanaryErrorAlarm", "CanarySlowAlarm"})
"""Alarms that only a deployment trips, and so the bad builds of tests/rollback."""
KEPT_SECONDS = 1_209_600
"""The longest that SQS keeps a message: 14 days."""


def functions_run_on_what_the_bundle_is_made_for(stack: Stack) -> list[str]:
    found = []
    for name, function in stack.of("AWS::Serverless::Function"):
        module, _, attribute = str(function["Handler"]).rpartition(".")
        source = ROOT / f"{module.replace('.', '/')}.py"
        defined = source.is_file() and re.search(rf"^{attribute}\b|^def {attribute}\(", source.read_text(), re.M)
        target = (TEMPLATE.parent / str(function.get("CodeUri", ""))).resolve()
        wrong = [
            function.get("Architectures") != ["arm64"] and "Architectures",
            function.get("Runtime") != f"python{PYTHON}" and "Runtime",
            not defined and "Handler",
            target != TARGET.resolve() and "CodeUri",
            stack.least(stack.raw[name]["Properties"].get("MemorySize", 128)) < 256 and "MemorySize",
            function.get("LoggingConfig", {}).get("LogFormat") != "JSON" and "LoggingConfig",
        ]
        found += [f"{name}: {one}" for one in wrong if one]
    return found


def functions_are_given_time(stack: Stack) -> list[str]:
    """Time for a batch and for its retries, and less than Lambda allows."""
    return [
        name
        for name, _ in stack.of("AWS::Serverless::Function")
        if not 10
        <= stack.least(stack.raw[name]["Properties"].get("Timeout", 3))
        <= stack.most(stack.raw[name]["Properties"].get("Timeout", 3))
        <= 900
    ]


def environments_name_the_right_resources(stack: Stack) -> list[str]:
    wanted = {
        "VERDICTS_DELIVERY_STREAM": {"<VerdictsDeliveryStream>"},
        "QUARANTINE_DELIVERY_STREAM": {"<QuarantineDeliveryStream>"},
        "EVENT_BUS_NAME": {"<EventBus>"},
        "STATUS_TABLE": {"<StatusTable>"},
    }
    archivers = [
        function["Environment"]["Variables"]
        for _, function in stack.of("AWS::Serverless::Function")
        if str(function["Handler"]).startswith("consumers.aws.archive")
    ]
    found = [] if archivers == [{"ARCHIVE_BUCKET": "<LakeBucket>"}] else ["ARCHIVE_BUCKET"]
    for name, function in stack.of("AWS::Serverless::Function"):
        given = {key: str(value) for key, value in function.get("Environment", {}).get("Variables", {}).items()}
        if "VERDICTS_DELIVERY_STREAM" not in given and not str(function["Handler"]).startswith("consumers.aws.mod"):
            continue
        found += [f"{name}: {key}" for key, values in wanted.items() if given.get(key) not in values]
        found += [f"{name}: {key}" for key in {one.upper() for one in Settings.__struct_fields__} - set(given)]
        try:
            settings = Settings.read(given)
        except ValueError as error:
            found.append(f"{name}: {error}")
            continue
        # What a function judges by is what replay, redrive and the dashboard are told.
        for field, parameter in (("max_late_days", "MaxLateDays"), ("max_ahead_hours", "MaxAheadHours")):
            if getattr(settings, field) != stack.parameters[parameter]:
                found.append(f"{name}: {field}")
    return found


def the_mapping_joins_the_stream_and_its_function(stack: Stack) -> list[str]:
    functions = {name: f"<{name.removesuffix('Mapping')}Function>" for name in ("ModerateMapping", "ArchiveMapping")}
    return [
        name
        for name, given in stack.mappings()
        if given.get("EventSourceArn") != "<ContentStream.Arn>"
        or given.get("FunctionName") != functions.get(name)
        or given.get("Enabled", True) is not True
        or given.get("ParallelizationFactor", 1) != 1
    ]


def verdicts_reach_the_queue(stack: Stack) -> list[str]:
    """Each rule is on, on our bus, takes what we send, and hands it to its queue; what fails is kept."""
    notice = {"source": SOURCE, "detail-type": DETAIL_TYPE}
    found = []
    for name, rule in stack.of("AWS::Events::Rule"):
        pattern = rule.get("EventPattern", {})
        takes = bool(pattern) and all(_matches(notice.get(key), pattern[key]) for key in pattern)
        [target] = rule["Targets"]
        queue = name.removesuffix("Rule")
        wrong = [
            rule.get("State", "ENABLED") != "ENABLED" and "State",
            rule.get("EventBusName") != "<EventBus>" and "EventBusName",
            not takes and "EventPattern",
            target["Arn"] != f"<{queue}Queue.Arn>" and "Targets",
            target.get("DeadLetterConfig", {}).get("Arn") != f"<{queue}DeadLetterQueue.Arn>" and "DeadLetterConfig",
            target.get("RetryPolicy", {}).get("MaximumEventAgeInSeconds", 86_400) < 3_600 and "RetryPolicy",
            any(key in target for key in ("Input", "InputPath", "InputTransformer")) and "Input",
        ]
        found += [f"{name}: {one}" for one in wrong if one]
    rules = {name for name, _ in stack.of("AWS::Events::Rule")}
    return found + sorted({"EnforcementRule", "WebhookRule"} - rules)


def queues_keep_what_they_hold_and_dead_letters_longer(stack: Stack) -> list[str]:
    """A dead letter's time counts from when the message was sent: its queue has to keep it for longer than the first.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
    """
    kept = {
        f"<{name}.Arn>": queue.get("MessageRetentionPeriod", 345_600) for name, queue in stack.of("AWS::SQS::Queue")
    }
    found = []
    for name, queue in stack.of("AWS::SQS::Queue"):
        redrive = queue.get("RedrivePolicy")
        if redrive is None:
            continue
        letters = kept[redrive["deadLetterTargetArn"]]
        if not 3 <= redrive.get("maxReceiveCount", 0) <= 100:
            found.append(f"{name}: maxReceiveCount")
        if letters != KEPT_SECONDS or not 7 * 86_400 <= kept[f"<{name}.Arn>"] <= letters - 86_400:
            found.append(f"{name}: MessageRetentionPeriod")
    return found


def what_is_delivered_lands_where_its_table_looks(stack: Stack) -> list[str]:
    tables = {
        f"<{name}>": table["TableInput"]["StorageDescriptor"]["Location"].split("/", 3)[2:]
        for name, table in stack.tables()
    }
    found = []
    for name, given in stack.deliveries():
        conversion = given.get("DataFormatConversionConfiguration")
        if conversion is None:
            continue
        bucket, prefix = tables.get(conversion["SchemaConfiguration"]["TableName"], ("", ""))
        if given["BucketARN"] != f"{bucket.removesuffix('>')}.Arn>" or not given["Prefix"].startswith(prefix or "?"):
            found.append(name)
        if conversion["SchemaConfiguration"].get("DatabaseName") != "<Database>":
            found.append(f"{name}: DatabaseName")
    for name, given in stack.of("AWS::KinesisFirehose::DeliveryStream"):
        source = given.get("KinesisStreamSourceConfiguration")
        if (given["DeliveryStreamType"] == "KinesisStreamAsSource") != bool(source):
            found.append(f"{name}: DeliveryStreamType")
    return found


def buckets_keep_versions_and_archives_reach_back(stack: Stack) -> list[str]:
    found = [
        name
        for name in ("LakeBucket", "DeadLetterBucket")
        if stack.resources[name].get("VersioningConfiguration") != {"Status": "Enabled"}
    ]
    late = stack.parameters["MaxLateDays"]
    for parameter, least in (
        ("ArchiveRetentionDays", late),
        ("VerdictRetentionDays", late),
        ("ErrorRetentionDays", 14),
    ):
        if stack.template["Parameters"][parameter]["MinValue"] < least or parameter not in _references(stack):
            found.append(parameter)
    return found


def outputs_name_what_they_say(stack: Stack) -> list[str]:
    """An output called ThingName is the thing's, so that no command asks another one."""
    found = []
    for name, output in stack.template["Outputs"].items():
        for ending in ("Name", "Id", "Url", "Arn"):
            thing = name.removesuffix(ending)
            value = output["Value"]
            of_thing = value == {"Ref": thing} or "${" + thing + "}" in str(value.get("Fn::Sub", ""))
            if thing in stack.raw and not of_thing and value.get("Fn::GetAtt", [""])[0] != thing:
                found.append(name)
    return found


def every_alarm_has_gone_off_on_some_game_day(stack: Stack) -> list[str]:
    return sorted({name for name, _ in stack.of("AWS::CloudWatch::Alarm")} ^ _tripped())


@cache
def _tripped() -> frozenset[str]:
    """What the days say that they trip, each of which fails where it does not: ``day.trips("NameOfTheAlarm")``."""
    calls = [
        call
        for path in sorted((ROOT / "tests" / "gamedays").glob("test_*.py"))
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "trips"
    ]
    builds = (ROOT / "tests" / "rollback" / "test_builds.py").read_text("utf-8")
    of_builds = {name for name in BY_BUILDS if f'"{name}"' in builds}
    return frozenset(str(one.value) for call in calls for one in call.args if isinstance(one, ast.Constant)) | of_builds


def every_alarm_has_its_section_in_the_runbook(stack: Stack) -> list[str]:
    sections = re.split(r"^### ", (ROOT / "docs" / "runbook.md").read_text("utf-8"), flags=re.M)[1:]
    parts = ("**Means:**", "**Look at:**", "**Do:**", "**Over when:**")
    written = {
        name for one in sections if all(part in one for part in parts) for name in one.split("\n", 1)[0].split(", ")
    }
    alarms = {name for name, _ in stack.of("AWS::CloudWatch::Alarm")}
    return sorted(alarms ^ written)


def results_are_kept_in_their_bucket(stack: Stack) -> list[str]:
    return [
        name
        for name, group in stack.of("AWS::Athena::WorkGroup")
        if not str(group["WorkGroupConfiguration"]["ResultConfiguration"].get("OutputLocation", "")).startswith(
            "s3://<ResultBucket>/"
        )
        or group.get("State", "ENABLED") != "ENABLED"
        or group["WorkGroupConfiguration"].get("PublishCloudWatchMetricsEnabled", True) is not True
    ]


def _matches(value: object, allowed: object) -> bool:
    return any(
        value == one or (isinstance(one, dict) and "prefix" in one and str(value).startswith(str(one["prefix"])))
        for one in listed(allowed)
    )


def _references(stack: Stack) -> str:
    return msgspec.json.encode(stack.raw).decode()
