"""Rules on the webhook: off unless asked for, few at a time, and given the time that its queue waits for."""

from consumers.aws.webhook_handler import BATCH, WebhookSettings
from tests.house.template_rules import Stack

SENDS = "SendsWebhooks"


def webhooks_are_sent_only_when_that_is_asked_for(stack: Stack) -> list[str]:
    lake = {"ReceiptsTable"}  # so that a report on it has no rows, and no error
    parts = [name for name in stack.raw if name.startswith(("Webhook", "Receipts")) and name not in lake]
    found = [name for name in parts if stack.raw[name].get("Condition") != SENDS]
    return found + [
        name
        for name, value in {"Webhook": "off", "WebhookAddresses": "public"}.items()
        if stack.parameters[name] != value
    ]


def a_queue_waits_for_its_function_and_the_age_decides_before_the_queue_does(stack: Stack) -> list[str]:
    """Six times the function's time, and more receives than a day of back-off takes.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    found = []
    for name, mapping in stack.queue_mappings():
        queue = stack.resources[str(mapping["EventSourceArn"]).strip("<>").removesuffix(".Arn")]
        function = stack.resources[str(mapping["FunctionName"]).strip("<>")]
        settings = WebhookSettings.read({key: str(one) for key, one in function["Environment"]["Variables"].items()})
        wrong = [
            queue.get("VisibilityTimeout", 30) < 6 * function["Timeout"] and "VisibilityTimeout",
            queue["RedrivePolicy"]["maxReceiveCount"] < 100 and "maxReceiveCount",
            mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"] and "FunctionResponseTypes",
            mapping.get("BatchSize", 10) > BATCH and "BatchSize",
            not mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 0) >= 2 and "ScalingConfig",
            function["Timeout"] < 2 * settings.timeout_seconds + 10 and "Timeout",
            stack.most({"Ref": "WebhookTimeoutSeconds"}) > 20 and "WebhookTimeoutSeconds",
        ]
        found += [f"{name}: {one}" for one in wrong if one]
    return found or ([] if stack.queue_mappings() else ["no mapping"])


def no_secret_is_in_the_template(stack: Stack) -> list[str]:
    kinds = ("AWS::SSM::Parameter", "AWS::SecretsManager::Secret")
    return [name for kind in kinds for name, _ in stack.of(kind)]
