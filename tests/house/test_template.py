"""The AWS template keeps our rules, and each rule bites: it finds the fault that is planted in a copy."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from infra.local.cloudformation.intrinsics import Template
from infra.local.cloudformation.provision import read_template
from infra.local.defaults import TEMPLATE
from tests.house.alarm_rules import delivery_is_watched_within_an_hour
from tests.house.content_rules import (
    content_is_taken_only_where_callers_are_named,
    every_route_knows_its_caller,
    no_content_path_or_caller_is_logged,
    other_types_of_content_never_reach_a_service,
    pages_may_ask_only_where_origins_are_named,
    requests_are_bounded_by_second_by_key_and_by_address,
    the_firewall_looks_into_no_body,
)
from tests.house.data_rules import (
    buckets_forget_what_they_need_not_keep,
    logs_are_kept_for_a_time,
    no_zone_of_the_lake_is_kept_for_ever,
    queues_have_no_name_of_ours,
    status_expires_and_can_be_restored,
    tables_know_a_column_before_a_function_writes_it,
    two_stacks_share_no_database,
    what_holds_data_outlives_the_stack,
    what_is_kept_has_no_name_of_ours_and_can_be_found_again,
)
from tests.house.deploy_rules import batches_go_to_what_a_deployment_takes_back, code_waits_for_the_gate
from tests.house.key_rules import all_that_is_kept_is_encrypted_with_the_key_that_is_given
from tests.house.score_rules import (
    only_its_api_may_call_a_function,
    scores_are_served_only_where_keys_are_given,
    scores_are_throttled_and_logged_without_keys_and_addresses,
    who_scores_reads_the_policy_and_logs_and_no_more,
)
from tests.house.template_rules import (
    Rule,
    Stack,
    a_failing_batch_is_bisected,
    a_new_consumer_starts_at_the_oldest_record,
    a_query_can_cost_only_so_much,
    an_outage_of_six_hours_uses_up_no_retries,
    buckets_are_closed_to_the_public,
    buckets_are_reached_by_tls_only,
    buffers_are_large_enough_for_parquet_and_partitions,
    conversion_knows_its_schema,
    dead_letters_raise_an_alarm,
    errors_have_a_prefix_by_their_type,
    errors_lie_outside_the_tables,
    every_day_that_can_land_can_be_queried,
    every_delivery_may_write_its_prefix_and_its_errors,
    every_output_is_there,
    every_parameter_and_condition_is_used,
    every_role_trusts_this_account_only,
    everything_is_made_on_a_laptop_too,
    managed_ai_is_allowed_by_its_parameters_only,
    missing_managed_ai_raises_an_alarm,
    nobody_writes_to_everything,
    nothing_is_counted_in_windows,
    nothing_is_filtered_away,
    partial_failures_are_reported,
    partition_keys_are_extracted_before_they_are_used,
    partitions_are_days_and_nothing_finer,
    queues_take_messages_from_the_rule_only,
    record_age_is_finite,
    record_age_stays_below_the_retention,
    retries_are_finite,
    roles_are_not_shared,
    the_consumers_may_do_what_they_do_and_no_more,
    what_is_given_up_goes_to_a_bucket_of_ours,
)
from tests.house.transform_rules import (
    a_failing_transform_raises_an_alarm,
    a_transform_ends_in_time_and_its_answer_fits,
    a_transform_is_tried_again,
    a_transform_never_feeds_its_own_stream,
    only_its_delivery_may_call_a_transform,
    what_a_transform_sees_is_kept_as_it_came,
)
from tests.house.webhook_rules import (
    a_queue_waits_for_its_function_and_the_age_decides_before_the_queue_does,
    no_secret_is_in_the_template,
    webhooks_are_sent_only_when_that_is_asked_for,
)

Fault = Callable[[Template], None]


def put(resource: str, *path: str | int, value: Any) -> Fault:
    def fault(template: Template) -> None:
        place = template["Resources"][resource]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return fault


def drop(resource: str, *path: str | int) -> Fault:
    def fault(template: Template) -> None:
        place = template["Resources"][resource]
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return fault


def drop_resource(name: str) -> Fault:
    def fault(template: Template) -> None:
        del template["Resources"][name]

    return fault


def set_parameter(name: str, key: str, value: Any) -> Fault:
    def fault(template: Template) -> None:
        template["Parameters"][name][key] = value

    return fault


def add_resource(name: str, kind: str, **properties: Any) -> Fault:
    def fault(template: Template) -> None:
        template["Resources"][name] = {"Type": kind, "Properties": properties}

    return fault


def drop_output(name: str) -> Fault:
    def fault(template: Template) -> None:
        del template["Outputs"][name]

    return fault


MAPPING, VERDICTS, QUARANTINE = "ModerateMapping", "VerdictsDeliveryStream", "QuarantineDeliveryStream"
DEFERRED = "DeferredDeliveryStream"
S3 = "ExtendedS3DestinationConfiguration"
GRANTS = ("ModerateRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
TRUST = ("Properties", "AssumeRolePolicyDocument", "Statement", 0)
TABLE = ("VerdictsTable", "Properties", "TableInput", "Parameters")
DEFERRED_GRANTS = ("DeferredDeliveryPolicy", "Properties", "PolicyDocument", "Statement")
TRANSFORM_GRANTS = ("TransformRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
TRANSFORM = (DEFERRED, "Properties", S3, "ProcessingConfiguration", "Processors", 0, "Parameters")
SCORE_GRANTS = ("ScoreRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
WAITS = a_queue_waits_for_its_function_and_the_age_decides_before_the_queue_does
API = ("ContentApi", "Properties")
PATHS = (*API, "DefinitionBody", "paths")
SUBMIT = (*PATHS, "/v1/content", "post")
INTEGRATION = (*SUBMIT, "x-amazon-apigateway-integration")
FIREWALL_RULE = ("ContentApiFirewall", "Properties", "Rules", 0)
WORK_GROUP = ("WorkGroup", "Properties", "WorkGroupConfiguration")

CASES: list[tuple[Rule, Fault]] = [
    (retries_are_finite, put(MAPPING, "Properties", "MaximumRetryAttempts", value=-1)),
    (retries_are_finite, drop(MAPPING, "Properties", "MaximumRetryAttempts")),
    (retries_are_finite, set_parameter("MaximumRetryAttempts", "MinValue", -1)),
    (record_age_is_finite, drop(MAPPING, "Properties", "MaximumRecordAgeInSeconds")),
    (record_age_is_finite, set_parameter("MaximumRecordAgeSeconds", "MinValue", -1)),
    (record_age_stays_below_the_retention, set_parameter("StreamRetentionHours", "MinValue", 12)),
    (record_age_stays_below_the_retention, set_parameter("MaximumRecordAgeSeconds", "MaxValue", 604_800)),
    (an_outage_of_six_hours_uses_up_no_retries, set_parameter("MaximumRetryAttempts", "Default", 8)),
    (an_outage_of_six_hours_uses_up_no_retries, set_parameter("MaximumRecordAgeSeconds", "Default", 3_600)),
    (no_zone_of_the_lake_is_kept_for_ever, drop("LakeBucket", "Properties", "LifecycleConfiguration", "Rules", 4)),
    (tables_know_a_column_before_a_function_writes_it, drop("ModerateFunction", "DependsOn")),
    (two_stacks_share_no_database, set_parameter("DatabaseName", "Default", "lake")),
    (what_holds_data_outlives_the_stack, put("LakeBucket", "DeletionPolicy", value="Retain")),
    (
        what_is_kept_has_no_name_of_ours_and_can_be_found_again,
        put("LakeBucket", "Properties", "BucketName", value="our-lake"),
    ),
    (what_is_kept_has_no_name_of_ours_and_can_be_found_again, drop("StatusTable", "Properties", "Tags")),
    (
        what_is_kept_has_no_name_of_ours_and_can_be_found_again,
        put("ContentStream", "Properties", "Tags", 1, "Value", value="LakeBucket"),
    ),
    (queues_have_no_name_of_ours, put("EnforcementQueue", "Properties", "QueueName", value="enforcement")),
    (what_is_given_up_goes_to_a_bucket_of_ours, drop(MAPPING, "Properties", "DestinationConfig")),
    (
        what_is_given_up_goes_to_a_bucket_of_ours,
        put(MAPPING, "Properties", "DestinationConfig", "OnFailure", "Destination", value="arn:aws:sqs:x:y:z"),
    ),
    (partial_failures_are_reported, drop(MAPPING, "Properties", "FunctionResponseTypes")),
    (a_failing_batch_is_bisected, put(MAPPING, "Properties", "BisectBatchOnFunctionError", value=False)),
    (nothing_is_filtered_away, put(MAPPING, "Properties", "FilterCriteria", value={"Filters": [{"Pattern": "{}"}]})),
    (nothing_is_counted_in_windows, put(MAPPING, "Properties", "TumblingWindowInSeconds", value=60)),
    (a_new_consumer_starts_at_the_oldest_record, put(MAPPING, "Properties", "StartingPosition", value="LATEST")),
    (
        batches_go_to_what_a_deployment_takes_back,
        put(MAPPING, "Properties", "FunctionName", value={"Ref": "ModerateFunction"}),
    ),
    (
        batches_go_to_what_a_deployment_takes_back,
        drop("ModerateFunction", "Properties", "DeploymentPreference", "Hooks"),
    ),
    (
        batches_go_to_what_a_deployment_takes_back,
        drop("ModerateFunction", "Properties", "DeploymentPreference", "Alarms"),
    ),
    (
        batches_go_to_what_a_deployment_takes_back,
        drop("ModerateFunction", "Properties", "AutoPublishAliasAllProperties"),
    ),
    (code_waits_for_the_gate, put("TransformFunction", "DependsOn", value=["VerdictsTable", "QuarantineTable"])),
    (dead_letters_raise_an_alarm, drop_resource("DeadLetterAlarm")),
    (dead_letters_raise_an_alarm, drop(MAPPING, "Properties", "MetricsConfig")),
    (errors_have_a_prefix_by_their_type, drop(VERDICTS, "Properties", S3, "ErrorOutputPrefix")),
    (errors_have_a_prefix_by_their_type, put(QUARANTINE, "Properties", S3, "ErrorOutputPrefix", value="errors/")),
    (
        errors_lie_outside_the_tables,
        put(VERDICTS, "Properties", S3, "ErrorOutputPrefix", value="verdicts/!{firehose:error-output-type}/"),
    ),
    (
        buffers_are_large_enough_for_parquet_and_partitions,
        put(VERDICTS, "Properties", S3, "BufferingHints", "SizeInMBs", value=1),
    ),
    (buffers_are_large_enough_for_parquet_and_partitions, set_parameter("LandingBufferMegabytes", "MinValue", 5)),
    (
        conversion_knows_its_schema,
        drop(VERDICTS, "Properties", S3, "DataFormatConversionConfiguration", "SchemaConfiguration"),
    ),
    (conversion_knows_its_schema, put(VERDICTS, "Properties", S3, "CompressionFormat", value="GZIP")),
    (
        partition_keys_are_extracted_before_they_are_used,
        drop(VERDICTS, "Properties", S3, "ProcessingConfiguration", "Processors", 1),
    ),
    (
        partition_keys_are_extracted_before_they_are_used,
        drop(VERDICTS, "Properties", S3, "DynamicPartitioningConfiguration"),
    ),
    (
        partitions_are_days_and_nothing_finer,
        put(QUARANTINE, "Properties", S3, "Prefix", value="quarantine/dt=!{timestamp:yyyy-MM-dd-HH}/"),
    ),
    (delivery_is_watched_within_an_hour, drop_resource("QuarantineDeliveryAlarm")),
    (delivery_is_watched_within_an_hour, set_parameter("FreshnessAlarmSeconds", "MaxValue", 86400)),
    (nobody_writes_to_everything, put(*GRANTS, 2, "Resource", value="*")),
    (nobody_writes_to_everything, put(*GRANTS, 5, "Action", value="s3:*")),
    (every_role_trusts_this_account_only, drop("ModerateRole", *TRUST, "Condition")),
    (every_role_trusts_this_account_only, drop("ArchiveRole", *TRUST, "Condition")),
    (
        every_delivery_may_write_its_prefix_and_its_errors,
        drop("VerdictsDeliveryRole", *GRANTS[1:], 0, "Resource", 1),
    ),
    (
        every_delivery_may_write_its_prefix_and_its_errors,
        put(VERDICTS, "Properties", S3, "Prefix", value="elsewhere/dt=!{partitionKeyFromQuery:dt}/"),
    ),
    (the_consumers_may_do_what_they_do_and_no_more, put(*GRANTS, 4, "Action", value="dynamodb:DeleteItem")),
    (the_consumers_may_do_what_they_do_and_no_more, drop(*GRANTS, 3)),
    (
        roles_are_not_shared,
        put(QUARANTINE, "Properties", S3, "RoleARN", value={"Fn::GetAtt": ["VerdictsDeliveryRole", "Arn"]}),
    ),
    (
        queues_take_messages_from_the_rule_only,
        drop("EnforcementQueuePolicy", "Properties", "PolicyDocument", "Statement", 0, "Condition"),
    ),
    (buckets_are_reached_by_tls_only, drop_resource("ResultBucketPolicy")),
    (
        buckets_are_reached_by_tls_only,
        drop("LakeBucketPolicy", "Properties", "PolicyDocument", "Statement", 0, "Resource", 1),
    ),
    (buckets_are_closed_to_the_public, drop("LakeBucket", "Properties", "PublicAccessBlockConfiguration")),
    (buckets_are_closed_to_the_public, drop("DeadLetterBucket", "Properties", "OwnershipControls")),
    (all_that_is_kept_is_encrypted_with_the_key_that_is_given, drop("LakeBucket", "Properties", "BucketEncryption")),
    (all_that_is_kept_is_encrypted_with_the_key_that_is_given, drop("ContentStream", "Properties", "StreamEncryption")),
    (all_that_is_kept_is_encrypted_with_the_key_that_is_given, drop("StatusTable", "Properties", "SSESpecification")),
    (
        all_that_is_kept_is_encrypted_with_the_key_that_is_given,
        drop("EnforcementQueue", "Properties", "SqsManagedSseEnabled"),
    ),
    (
        all_that_is_kept_is_encrypted_with_the_key_that_is_given,
        drop(VERDICTS, "Properties", "DeliveryStreamEncryptionConfigurationInput"),
    ),
    (what_holds_data_outlives_the_stack, drop("LakeBucket", "DeletionPolicy")),
    (buckets_forget_what_they_need_not_keep, drop("ResultBucket", "Properties", "LifecycleConfiguration")),
    (
        buckets_forget_what_they_need_not_keep,
        drop("DeadLetterBucket", "Properties", "LifecycleConfiguration", "Rules", 0, "NoncurrentVersionExpiration"),
    ),
    (status_expires_and_can_be_restored, drop("StatusTable", "Properties", "TimeToLiveSpecification")),
    (status_expires_and_can_be_restored, drop("StatusTable", "Properties", "PointInTimeRecoverySpecification")),
    (logs_are_kept_for_a_time, drop("DeliveryLogGroup", "Properties", "RetentionInDays")),
    (a_query_can_cost_only_so_much, drop(*WORK_GROUP, "BytesScannedCutoffPerQuery")),
    (a_query_can_cost_only_so_much, put(*WORK_GROUP, "EnforceWorkGroupConfiguration", value=False)),
    (a_query_can_cost_only_so_much, drop(*WORK_GROUP, "ResultConfiguration", "EncryptionConfiguration")),
    (every_day_that_can_land_can_be_queried, put(*TABLE, "projection.dt.range", value="2020-01-01,NOW")),
    (every_day_that_can_land_can_be_queried, put(*TABLE, "storage.location.template", value="s3://b/dt=${dt}/")),
    (every_day_that_can_land_can_be_queried, set_parameter("MaxAheadHours", "MaxValue", 72)),
    (
        everything_is_made_on_a_laptop_too,
        add_resource("Machine", "AWS::StepFunctions::StateMachine", DefinitionString="{}"),
    ),
    (everything_is_made_on_a_laptop_too, put("LakeBucket", "Properties", "ReplicationConfiguration", value={})),
    (every_output_is_there, drop_output("WorkGroupName")),
    (every_parameter_and_condition_is_used, drop(MAPPING, "Properties", "BatchSize")),
    (partition_keys_are_extracted_before_they_are_used, drop(DEFERRED, "Properties", S3, "ProcessingConfiguration")),
    (
        partition_keys_are_extracted_before_they_are_used,
        put(DEFERRED, "Properties", S3, "Prefix", value="verdicts/dt=!{partitionKeyFromLambda:day}/"),
    ),
    (a_transform_ends_in_time_and_its_answer_fits, put("TransformFunction", "Properties", "Timeout", value=900)),
    (a_transform_ends_in_time_and_its_answer_fits, drop("TransformFunction", "Properties", "Timeout")),
    (a_transform_ends_in_time_and_its_answer_fits, put(*TRANSFORM, 2, "ParameterValue", value="3")),
    (a_transform_is_tried_again, put(*TRANSFORM, 4, "ParameterValue", value="0")),
    (
        a_transform_never_feeds_its_own_stream,
        put(*TRANSFORM_GRANTS, 0, "Resource", 1, value={"Fn::GetAtt": [DEFERRED, "Arn"]}),
    ),
    (what_a_transform_sees_is_kept_as_it_came, put(DEFERRED, "Properties", S3, "S3BackupMode", value="Disabled")),
    (only_its_delivery_may_call_a_transform, put(*DEFERRED_GRANTS, 2, "Resource", value="*")),
    (only_its_delivery_may_call_a_transform, drop(*DEFERRED_GRANTS, 2)),
    (a_failing_transform_raises_an_alarm, drop_resource("TransformAlarm")),
    (a_failing_transform_raises_an_alarm, drop_resource("TransformLeftAlarm")),
    (every_delivery_may_write_its_prefix_and_its_errors, drop(*DEFERRED_GRANTS, 0, "Resource", 1)),
    (the_consumers_may_do_what_they_do_and_no_more, put(*TRANSFORM_GRANTS, 2, "Action", value="dynamodb:*")),
    (every_output_is_there, drop_output("DeferredDeliveryStreamName")),
    (managed_ai_is_allowed_by_its_parameters_only, set_parameter("ComprehendAccess", "Default", "on")),
    (managed_ai_is_allowed_by_its_parameters_only, drop(*TRANSFORM_GRANTS, 5)),
    (managed_ai_is_allowed_by_its_parameters_only, put(*GRANTS, 10, "Fn::If", 0, value="AllowsComprehend")),
    (missing_managed_ai_raises_an_alarm, drop_resource("TransformDegradedAlarm")),
    (scores_are_served_only_where_keys_are_given, drop("ScoreApi", "Condition")),
    (scores_are_served_only_where_keys_are_given, set_parameter("ScoreKeys", "Default", f"web:{'0' * 64}:60")),
    (who_scores_reads_the_policy_and_logs_and_no_more, put(*SCORE_GRANTS, 0, "Action", 0, value="s3:PutObject")),
    (
        scores_are_throttled_and_logged_without_keys_and_addresses,
        put("ScoreStage", "Properties", "AccessLogSettings", "Format", value='{"path": "$context.path"}'),
    ),
    (
        scores_are_throttled_and_logged_without_keys_and_addresses,
        drop("ScoreStage", "Properties", "DefaultRouteSettings"),
    ),
    (only_its_api_may_call_a_function, drop("ScorePermission", "Properties", "SourceArn")),
    (only_its_api_may_call_a_function, drop("WaitPermission", "Properties", "SourceArn")),
    (webhooks_are_sent_only_when_that_is_asked_for, drop("WebhookRule", "Condition")),
    (webhooks_are_sent_only_when_that_is_asked_for, set_parameter("Webhook", "Default", "on")),
    (webhooks_are_sent_only_when_that_is_asked_for, set_parameter("WebhookAddresses", "Default", "any")),
    (WAITS, put("WebhookQueue", "Properties", "VisibilityTimeout", value=60)),
    (WAITS, put("WebhookQueue", "Properties", "RedrivePolicy", "maxReceiveCount", value=5)),
    (WAITS, drop("WebhookMapping", "Properties", "FunctionResponseTypes")),
    (WAITS, put("WebhookMapping", "Properties", "BatchSize", value=100)),
    (WAITS, drop("WebhookMapping", "Properties", "ScalingConfig")),
    (WAITS, put("WebhookFunction", "Properties", "Timeout", value=10)),
    (WAITS, drop_resource("WebhookMapping")),
    (no_secret_is_in_the_template, add_resource("Secret", "AWS::SSM::Parameter", Type="String", Value="x")),
    (content_is_taken_only_where_callers_are_named, drop("ContentApi", "Condition")),
    (content_is_taken_only_where_callers_are_named, drop("AccessTable", "Condition")),
    (content_is_taken_only_where_callers_are_named, set_parameter("ContentApiCallers", "Default", "iam")),
    (every_route_knows_its_caller, put(*SUBMIT, "security", value=[])),
    (pages_may_ask_only_where_origins_are_named, put(*PATHS, "/v1/content", "options", value={"security": []})),
    (pages_may_ask_only_where_origins_are_named, set_parameter("ContentCorsOrigins", "Default", "https://a.example")),
    (other_types_of_content_never_reach_a_service, put(*INTEGRATION, "passthroughBehavior", value="when_no_match")),
    (no_content_path_or_caller_is_logged, put(*API, "AccessLogSetting", "Format", value='{"path": "$context.path"}')),
    (no_content_path_or_caller_is_logged, drop(*API, "AccessLogSetting")),
    (no_content_path_or_caller_is_logged, put(*API, "MethodSettings", 0, "DataTraceEnabled", value=True)),
    (requests_are_bounded_by_second_by_key_and_by_address, drop(*API, "MethodSettings", 0, "ThrottlingRateLimit")),
    (requests_are_bounded_by_second_by_key_and_by_address, drop("ContentApiPlan", "Properties", "Quota")),
    (
        requests_are_bounded_by_second_by_key_and_by_address,
        drop("ContentApiFirewall", "Properties", "Rules", 1),
    ),
    (
        the_firewall_looks_into_no_body,
        put(*FIREWALL_RULE, "Statement", "ManagedRuleGroupStatement", "Name", value="AWSManagedRulesCommonRuleSet"),
    ),
]

RULES = list(dict.fromkeys(rule for rule, _ in CASES))


@pytest.fixture(scope="module")
def template() -> Template:
    return read_template(TEMPLATE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(rule: Rule, template: Template) -> None:
    assert rule(Stack(deepcopy(template))) == []


@pytest.mark.parametrize(
    ("rule", "fault"), CASES, ids=[f"{number}-{rule.__name__}" for number, (rule, _) in enumerate(CASES)]
)
def test_the_rule_finds_the_planted_fault(rule: Rule, fault: Fault, template: Template) -> None:
    broken = deepcopy(template)
    fault(broken)
    assert rule(Stack(broken)) != []
