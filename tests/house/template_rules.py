"""Rules of our own on the AWS template, each giving what breaks it: cfn-lint passes stacks that lose records."""

import json
import re
from collections.abc import Callable, Iterator
from copy import copy, deepcopy
from typing import Any

from infra.local.cloudformation.intrinsics import Resolver, Template, parameter_values, references
from infra.local.cloudformation.provision import check_resource, translate

Rule = Callable[["Stack"], list[str]]

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000"
READ_ONLY = re.compile(r"[a-z0-9-]+:(Get|List|Describe)[A-Za-z]*")


class Stack:
    """A template with its defaults filled in; what is made on deployment is named like ``<LakeBucket.Arn>``."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.raw: dict[str, Any] = template["Resources"]
        self.parameters = parameter_values(template, {})
        self._resolver = resolver = Resolver(
            template,
            parameters=self.parameters,
            pseudo={
                "AWS::AccountId": ACCOUNT,
                "AWS::Region": "eu-west-1",
                "AWS::Partition": "aws",
                "AWS::StackName": "streamkeeper",
                "AWS::URLSuffix": "amazonaws.com",
            },
            attribute=lambda name, attribute: f"<{name}.{attribute}>" if attribute else f"<{name}>",
        )
        self._keyed: Stack | None = None
        self.resources: dict[str, dict[str, Any]] = {
            name: resolver.resolve(resource.get("Properties", {}), name) for name, resource in self.raw.items()
        }

    def changed(self, name: str, resource: dict[str, Any]) -> "Stack":
        """This stack with another resource of that name, without reading all the others again."""
        found = copy(self)
        found.raw = {**self.raw, name: resource}
        found.template = {**self.template, "Resources": found.raw}
        resolved = self._resolver.resolve(resource.get("Properties", {}), name)
        found.resources = {**self.resources, name: resolved}
        found._keyed = self._keyed and self._keyed.changed(name, resource)
        return found

    @property
    def keyed(self) -> "Stack":
        """This stack with a customer key, people in all roles, and traces."""
        if self._keyed is None:
            parameters = deepcopy(self.template["Parameters"])
            given = {"KeyArn": KEY, "Tracing": "on"} | {one: ACCOUNT for one in parameters if "Principals" in one}
            for name, value in given.items():
                parameters[name]["Default"] = value
            self._keyed = Stack({**self.template, "Parameters": parameters})
        return self._keyed

    def of(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, resource in self.raw.items():
            if resource["Type"] == kind:
                yield name, self.resources[name]

    def consumers(self) -> list[str]:
        """The functions that make rows; the one that scores keeps nothing."""
        return [
            name
            for name, function in self.of("AWS::Serverless::Function")
            if "VERDICTS_DELIVERY_STREAM" in function["Environment"]["Variables"]
        ]

    def least(self, value: Any) -> float:
        """The smallest value that may be deployed: the parameter's bound where the value is one."""
        if isinstance(value, dict) and "Ref" in value:
            return float(self.template["Parameters"][value["Ref"]].get("MinValue", float("-inf")))
        return float(value)

    def most(self, value: Any) -> float:
        if isinstance(value, dict) and "Ref" in value:
            return float(self.template["Parameters"][value["Ref"]].get("MaxValue", float("inf")))
        return float(value)

    def mappings(self) -> list[tuple[str, dict[str, Any]]]:
        """Those of streams, an alias named as its function; what a queue gives up, the queue says."""
        given = [(n, one) for n, one in self.of("AWS::Lambda::EventSourceMapping") if not _is_of_a_queue(one)]
        return [(n, {**one, "FunctionName": str(one["FunctionName"]).replace(".Alias>", ">")}) for n, one in given]

    def queue_mappings(self) -> list[tuple[str, dict[str, Any]]]:
        return [(n, given) for n, given in self.of("AWS::Lambda::EventSourceMapping") if _is_of_a_queue(given)]

    def deliveries(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, properties in self.of("AWS::KinesisFirehose::DeliveryStream"):
            yield name, properties["ExtendedS3DestinationConfiguration"]

    def transforms(self) -> Iterator[tuple[str, dict[str, str], str]]:
        """Each delivery stream with a function: its name, the processor's parameters, the function's logical name."""
        for name, given in self.deliveries():
            for processor in given.get("ProcessingConfiguration", {}).get("Processors", []):
                if processor["Type"] == "Lambda":
                    found = {one["ParameterName"]: str(one["ParameterValue"]) for one in processor["Parameters"]}
                    yield name, found, found["LambdaArn"].removeprefix("<").removesuffix(".Arn>")

    def tables(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The tables that hold data; a view holds none."""
        for name, table in self.of("AWS::Glue::Table"):
            if table["TableInput"]["TableType"] == "EXTERNAL_TABLE":
                yield name, table

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The statements of every role, inline or attached, with the role's name."""
        for name, role in self.of("AWS::IAM::Role"):
            for policy in role.get("Policies", []):
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield name, statement
        for _, policy in self.of("AWS::IAM::RolePolicy"):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield policy["RoleName"].strip("<>"), statement


def _is_of_a_queue(mapping: dict[str, Any]) -> bool:
    return str(mapping.get("EventSourceArn")).endswith("Queue.Arn>")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# ------------------------------------------------------------------------------------------------ the mapping


def retries_are_finite(stack: Stack) -> list[str]:
    return [
        name
        for name, _ in stack.mappings()
        if stack.least(stack.raw[name]["Properties"].get("MaximumRetryAttempts", -1)) < 0
    ]


def record_age_is_finite(stack: Stack) -> list[str]:
    return [
        name
        for name, _ in stack.mappings()
        if stack.least(stack.raw[name]["Properties"].get("MaximumRecordAgeInSeconds", -1)) < 60
    ]


def record_age_stays_below_the_retention(stack: Stack) -> list[str]:
    """Whatever both are set to, with six hours to spare."""
    [(stream, _)] = stack.of("AWS::Kinesis::Stream")
    kept = stack.least(stack.raw[stream]["Properties"].get("RetentionPeriodHours", 24)) * 3600
    ages = {n: stack.raw[n]["Properties"].get("MaximumRecordAgeInSeconds", -1) for n, _ in stack.mappings()}
    return [name for name, age in ages.items() if not 0 < stack.most(age) <= kept - 6 * 3600]


def an_outage_of_six_hours_uses_up_no_retries(stack: Stack) -> list[str]:
    """The age decides when a batch is given up on, so that there must be more retries than fit into it."""
    found = []
    for name, given in stack.mappings():
        age = float(given.get("MaximumRecordAgeInSeconds", -1))
        if age < 6 * 3600 or given.get("MaximumRetryAttempts", -1) < age / 60 + 10:
            found.append(name)
    return found


def what_is_given_up_goes_to_a_bucket_of_ours(stack: Stack) -> list[str]:
    buckets = {f"<{name}.Arn>" for name, _ in stack.of("AWS::S3::Bucket")}
    return [
        name
        for name, given in stack.mappings()
        if given.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination") not in buckets
    ]


def partial_failures_are_reported(stack: Stack) -> list[str]:
    return [n for n, given in stack.mappings() if given.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]]


def a_failing_batch_is_bisected(stack: Stack) -> list[str]:
    return [name for name, given in stack.mappings() if given.get("BisectBatchOnFunctionError") is not True]


def nothing_is_filtered_away(stack: Stack) -> list[str]:
    return [name for name, given in stack.mappings() if "FilterCriteria" in given]


def nothing_is_counted_in_windows(stack: Stack) -> list[str]:
    return [name for name, given in stack.mappings() if given.get("TumblingWindowInSeconds")]


def a_new_consumer_starts_at_the_oldest_record(stack: Stack) -> list[str]:
    return [name for name, given in stack.mappings() if given.get("StartingPosition") != "TRIM_HORIZON"]


def dead_letters_raise_an_alarm(stack: Stack) -> list[str]:
    watched = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"])
        for _, alarm in stack.of("AWS::CloudWatch::Alarm")
        if "MetricName" in alarm and len(alarm["Dimensions"]) == 1
    }
    found = []
    for name, given in stack.mappings():
        wanted = {("IteratorAge", given["FunctionName"])}
        wanted |= {(f"{one}EventCount", f"<{name}>") for one in ("OnFailureDestinationDelivered", "Dropped")}
        found += sorted(f"{name}: {metric}" for metric, _ in wanted - watched)
        if "EventCount" not in given.get("MetricsConfig", {}).get("Metrics", []):
            found.append(f"{name}: MetricsConfig")
    return found


# ------------------------------------------------------------------------------------------------ delivery


def errors_have_a_prefix_by_their_type(stack: Stack) -> list[str]:
    return [
        name
        for name, given in stack.deliveries()
        if "!{firehose:error-output-type}" not in given.get("ErrorOutputPrefix", "")
    ]


def errors_lie_outside_the_tables(stack: Stack) -> list[str]:
    tables = [table["TableInput"]["StorageDescriptor"]["Location"].split("/", 3)[3] for _, table in stack.tables()]
    return [
        name
        for name, given in stack.deliveries()
        if any(given.get("ErrorOutputPrefix", "").startswith(table) for table in tables)
    ]


def buffers_are_large_enough_for_parquet_and_partitions(stack: Stack) -> list[str]:
    found = []
    for name, given in stack.deliveries():
        raw = stack.raw[name]["Properties"]["ExtendedS3DestinationConfiguration"]
        needs = "DataFormatConversionConfiguration" in given or "DynamicPartitioningConfiguration" in given
        if needs and stack.least(raw["BufferingHints"]["SizeInMBs"]) < 64:
            found.append(name)
    return found


def conversion_knows_its_schema(stack: Stack) -> list[str]:
    tables = {f"<{name}>" for name, _ in stack.of("AWS::Glue::Table")}
    found = []
    for name, given in stack.deliveries():
        conversion = given.get("DataFormatConversionConfiguration")
        if conversion is None:
            continue
        schema = conversion.get("SchemaConfiguration", {})
        complete = {"DatabaseName", "TableName", "RoleARN", "Region"} <= set(schema)
        if not complete or schema["TableName"] not in tables or given.get("CompressionFormat") != "UNCOMPRESSED":
            found.append(name)
    return found


def partition_keys_are_extracted_before_they_are_used(stack: Stack) -> list[str]:
    found = []
    for name, given in stack.deliveries():
        used = set(re.findall(r"!\{partitionKeyFromQuery:(\w+)\}", given.get("Prefix", "")))
        extracted: set[str] = set()
        for processor in given.get("ProcessingConfiguration", {}).get("Processors", []):
            for parameter in processor["Parameters"]:
                if parameter["ParameterName"] == "MetadataExtractionQuery":
                    extracted |= set(re.findall(r"[{,]\s*(\w+)\s*:", parameter["ParameterValue"]))
        given_back = re.findall(r"!\{partitionKeyFromLambda:(\w+)\}", given.get("Prefix", ""))
        enabled = given.get("DynamicPartitioningConfiguration", {}).get("Enabled", False)
        wrong = given_back not in ([], ["dt"]) or bool(given_back) > (name in {one for one, _, _ in stack.transforms()})
        if used != extracted or bool(used or given_back) != enabled or wrong:
            found.append(name)
    return found


def partitions_are_days_and_nothing_finer(stack: Stack) -> list[str]:
    return [
        name
        for name, given in stack.deliveries()
        if not re.fullmatch(
            r"[a-z]+/dt=!\{(partitionKeyFrom(Query|Lambda):dt|timestamp:yyyy-MM-dd)\}/", given.get("Prefix", "")
        )
    ]


# ------------------------------------------------------------------------------------------------ rights


def nobody_writes_to_everything(stack: Stack) -> list[str]:
    found = []
    for role, statement in stack.statements():
        everything = any(resource in ("*", "arn:aws:s3:::*") for resource in listed(statement["Resource"]))
        for action in listed(statement["Action"]):
            if "*" in action or (everything and not READ_ONLY.fullmatch(action)):
                found.append(f"{role}: {action}")
    return found


def every_role_trusts_this_account_only(stack: Stack) -> list[str]:
    return [
        name
        for name, role in stack.of("AWS::IAM::Role")
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
        if "Service" in statement["Principal"]  # people_rules has those of people
        if statement.get("Condition", {}).get("StringEquals", {}).get("aws:SourceAccount") != "111122223333"
    ]


def every_delivery_may_write_its_prefix_and_its_errors(stack: Stack) -> list[str]:
    found = []
    for name, given in stack.deliveries():
        role = given["RoleARN"].removeprefix("<").removesuffix(".Arn>")
        writable = [
            resource.rstrip("*")
            for owner, statement in stack.statements()
            if owner == role and "s3:PutObject" in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        ]
        for place in (given, given.get("S3BackupConfiguration", given)):
            for prefix in (place.get("Prefix", ""), place.get("ErrorOutputPrefix", "")):
                path = f"{place['BucketARN']}/{prefix}"
                if not any(path.startswith(one) for one in writable):
                    found.append(f"{name}: {prefix}")
    return found


def the_consumers_may_do_what_they_do_and_no_more(stack: Stack) -> list[str]:
    both = {
        *("firehose:PutRecordBatch", "events:PutEvents", "dynamodb:PartiQLInsert", "dynamodb:UpdateItem"),
        *("logs:CreateLogStream", "logs:PutLogEvents"),
    }
    found = []
    # Only the event source mapping writes dead letters, with the rights of the function that it calls.
    for consumer, wanted in (("ModerateRole", both | {"s3:PutObject"}), ("TransformRole", both)):
        allowed = {
            action
            for role, statement in stack.statements()
            if role == consumer
            for action in listed(statement["Action"])
            if not READ_ONLY.fullmatch(action)
        }
        found += [f"{consumer}: {action}" for action in sorted(allowed ^ wanted)]
    return found


def managed_ai_is_allowed_by_its_parameters_only(stack: Stack) -> list[str]:
    guardrail = "arn:aws:bedrock:eu-west-1:111122223333:guardrail/abc"
    images = {("rekognition:DetectModerationLabels", "*"), ("s3:GetObject", "arn:aws:s3:::media/*")}
    wanted: dict[tuple[str, str], set[tuple[str, str]]] = {
        ("", ""): set(),
        ("ComprehendAccess", "on"): {("comprehend:DetectToxicContent", "*")},
        ("GuardrailArns", guardrail): {("bedrock:ApplyGuardrail", guardrail)},
        ("MediaBucketName", "media"): images,
    }
    found = []
    consumers = {name: stack.raw[name] for name in ("ModerateRole", "TransformRole")}
    for (name, value), rights in wanted.items():
        template = {**stack.template, "Resources": consumers, "Parameters": deepcopy(stack.template["Parameters"])}
        if name:
            template["Parameters"][name]["Default"] = value
        made = Stack(template)
        for consumer in consumers:
            granted = {
                (action, resource)
                for role, statement in made.statements()
                if role == consumer and statement["Effect"] == "Allow"
                for action in listed(statement["Action"])
                for resource in listed(statement["Resource"])
                if action.startswith(("comprehend:", "bedrock:", "rekognition:")) or ":s3:::" in resource
            }
            found += [f"{consumer}: {action} with {name}={value}" for action, _ in sorted(granted ^ rights)]
    return found


def missing_managed_ai_raises_an_alarm(stack: Stack) -> list[str]:
    watched = {
        alarm["Dimensions"][0]["Value"]
        for _, alarm in stack.of("AWS::CloudWatch::Alarm")
        if alarm.get("MetricName") == "Degraded"
    }
    return [name for name in stack.consumers() if f"<{name}>" not in watched]


def roles_are_not_shared(stack: Stack) -> list[str]:
    users = [f"{given['RoleARN']}" for _, given in stack.deliveries()]
    users += [function["Role"] for _, function in stack.of("AWS::Serverless::Function")]
    return sorted({role for role in users if users.count(role) > 1})


def queues_take_messages_from_the_rule_only(stack: Stack) -> list[str]:
    return [
        name
        for name, policy in stack.of("AWS::SQS::QueuePolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow" and "aws:SourceArn" not in json.dumps(statement.get("Condition", {}))
    ]


# ------------------------------------------------------------------------------------------------ what is kept


def buckets_are_reached_by_tls_only(stack: Stack) -> list[str]:
    found = []
    for name, _ in stack.of("AWS::S3::Bucket"):
        both = {f"<{name}.Arn>", f"<{name}.Arn>/*"}
        denied = any(
            statement["Effect"] == "Deny"
            and statement["Principal"] == "*"
            and statement["Action"] == "s3:*"
            and set(listed(statement["Resource"])) == both
            and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            for _, policy in stack.of("AWS::S3::BucketPolicy")
            for statement in policy["PolicyDocument"]["Statement"]
        )
        if not denied:
            found.append(name)
    return found


def buckets_are_closed_to_the_public(stack: Stack) -> list[str]:
    four = {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
    return [
        name
        for name, bucket in stack.of("AWS::S3::Bucket")
        if {key for key, on in bucket.get("PublicAccessBlockConfiguration", {}).items() if on is True} != four
        or bucket.get("OwnershipControls") != {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    ]


# ------------------------------------------------------------------------------------------------ queries


def a_query_can_cost_only_so_much(stack: Stack) -> list[str]:
    found = []
    for name, group in stack.of("AWS::Athena::WorkGroup"):
        settings = group.get("WorkGroupConfiguration", {})
        cutoff = stack.raw[name]["Properties"]["WorkGroupConfiguration"].get("BytesScannedCutoffPerQuery", 0)
        encrypted = "EncryptionConfiguration" in settings.get("ResultConfiguration", {})
        enforced = settings.get("EnforceWorkGroupConfiguration") is True
        if not enforced or not encrypted or stack.least(cutoff) < 10_485_760:
            found.append(name)
    return found


def every_day_that_can_land_can_be_queried(stack: Stack) -> list[str]:
    """A day ahead of the projected range would be written and never be found."""
    ahead = stack.template["Parameters"]["MaxAheadHours"]["MaxValue"] / 24
    found = []
    for name, table in stack.tables():
        given = table["TableInput"]["Parameters"]
        match = re.fullmatch(r"\d{4}-\d\d-\d\d,NOW\+(\d+)DAYS", given.get("projection.dt.range", ""))
        location = table["TableInput"]["StorageDescriptor"]["Location"]
        fits = given.get("storage.location.template") == location + "dt=${dt}/"
        if given.get("projection.enabled") != "true" or match is None or int(match[1]) <= ahead or not fits:
            found.append(name)
    return found


NOT_ON_A_LAPTOP = "ServesScores"
"""On a laptop `streamkeeper serve` answers what the API answers on AWS; the runtime refuses it by name."""


def everything_is_made_on_a_laptop_too(stack: Stack) -> list[str]:
    found = []
    for name, resource in translate(stack.template, "eu-west-1")["Resources"].items():
        if resource.get("Condition") == NOT_ON_A_LAPTOP:
            continue
        try:
            check_resource(name, resource)
        except ValueError as error:
            found.append(str(error))
    return found


def every_output_is_there(stack: Stack) -> list[str]:
    wanted = {
        *("ContentStreamName", "LakeBucketName", "DatabaseName", "WorkGroupName", "StatusTableName", "EventBusName"),
        *("VerdictsDeliveryStreamName", "QuarantineDeliveryStreamName", "ArchiveFunctionName", "ArchiveMappingId"),
        "DeferredDeliveryStreamName",
    }
    return sorted(wanted - set(stack.template["Outputs"]))


def every_parameter_and_condition_is_used(stack: Stack) -> list[str]:
    text = json.dumps({key: value for key, value in stack.template.items() if key not in ("Parameters", "Metadata")})
    used = set(references({key: value for key, value in stack.template.items() if key != "Parameters"}))
    unused = [name for name in stack.template["Parameters"] if name not in used]
    return unused + [name for name in stack.template.get("Conditions", {}) if text.count(f'"{name}"') < 2]
