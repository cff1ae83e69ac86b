"""An AWS account as the makers of resources see it: what has a name, exists once, and which call is refused."""

from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

# By call: what it makes, by which of its arguments.
_MAKES = {
    "create_stream": ("stream", "StreamName"),
    "create_delivery_stream": ("delivery stream", "DeliveryStreamName"),
    "create_role": ("role", "RoleName"),
    "create_log_group": ("log group", "logGroupName"),
    "create_log_stream": ("log stream", "logGroupName", "logStreamName"),
    "create_bucket": ("bucket", "Bucket"),
    "create_database": ("database", "DatabaseInput.Name"),
    "create_table": ("table", "TableName"),
    "create_work_group": ("workgroup", "Name"),
    "create_event_bus": ("bus", "Name"),
    "create_queue": ("queue", "QueueName"),
    "create_function": ("function", "FunctionName"),
    "create_alias": ("alias", "FunctionName", "Name"),
    "create_application": ("application", "applicationName"),
    "create_deployment_group": ("deployment group", "applicationName", "deploymentGroupName"),
    "add_permission": ("permission", "FunctionName", "StatementId"),
}
_OVERWRITES = {
    "put_role_policy": ("role policy", "RoleName", "PolicyName"),
    "put_metric_alarm": ("alarm", "AlarmName"),
    "put_dashboard": ("dashboard", "DashboardName"),
    "put_bucket_policy": ("bucket policy", "Bucket"),
    "put_rule": ("rule", "EventBusName", "Name"),
}
_REMOVES = {
    "delete_stream": ("stream", "StreamName"),
    "delete_delivery_stream": ("delivery stream", "DeliveryStreamName"),
    "delete_role": ("role", "RoleName"),
    "delete_role_policy": ("role policy", "RoleName", "PolicyName"),
    "delete_log_group": ("log group", "logGroupName"),
    "delete_log_stream": ("log stream", "logGroupName", "logStreamName"),
    "delete_bucket": ("bucket", "Bucket"),
    "delete_bucket_policy": ("bucket policy", "Bucket"),
    "delete_database": ("database", "Name"),
    "delete_work_group": ("workgroup", "WorkGroup"),
    "delete_named_query": ("named query", "NamedQueryId"),
    "delete_event_bus": ("bus", "Name"),
    "delete_rule": ("rule", "EventBusName", "Name"),
    "delete_queue": ("queue", "QueueUrl"),
    "delete_function": ("function", "FunctionName"),
    "delete_event_source_mapping": ("mapping", "UUID"),
    "delete_alias": ("alias", "FunctionName", "Name"),
    "delete_application": ("application", "applicationName"),
    "delete_deployment_group": ("deployment group", "applicationName", "deploymentGroupName"),
    "remove_permission": ("permission", "FunctionName", "StatementId"),
}
Thing = tuple[str, ...]


def refused(code: str, call: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{call} was refused"}}, call)


def _argument(arguments: dict[str, Any], path: str) -> str:
    value: Any = arguments
    for part in path.split("."):
        value = value[part]
    return str(value).removeprefix("http://sqs/")


@dataclass
class FakeAccount:
    """Stands for every boto3 client. ``refuse`` is the number of the changing call that fails, from 0; None: none."""

    things: set[Thing] = field(default_factory=set)
    refuse: int | None = None
    calls: int = 0
    numbered: int = 0
    deleted_queues: set[Thing] = field(default_factory=set)

    def __call__(self, service: str) -> Any:
        return _Client(self, service)

    def change(self, service: str, call: str, arguments: dict[str, Any]) -> dict[str, Any]:
        number, self.calls = self.calls, self.calls + 1
        if number == self.refuse:
            raise refused("AccessDenied", call)
        if call in _REMOVES or call in ("delete_table", "delete_alarms", "delete_dashboards"):
            self._remove(service, call, arguments)
        elif call in _MAKES or call in _OVERWRITES:
            self._make(service, call, arguments)
        elif call == "publish_version":
            self.things.add(("version", f"{arguments['FunctionName']}:1"))
            return {"Version": "1", "FunctionArn": f"{arguments['FunctionName']}:1"}
        elif call in ("create_named_query", "create_event_source_mapping"):
            self.numbered += 1
            name = f"id-{self.numbered}"
            self.things.add(("named query" if call == "create_named_query" else "mapping", name))
            return {"NamedQueryId": name, "UUID": name}
        return self._answer(arguments)

    def _make(self, service: str, call: str, arguments: dict[str, Any]) -> None:
        kind, *paths = _MAKES.get(call) or _OVERWRITES[call]
        if call == "create_table" and service == "glue":
            kind, paths = "glue table", ["DatabaseName", "TableInput.Name"]
        thing = (kind, *(_argument(arguments, path) for path in paths))
        if thing in self.things and call in _MAKES:
            raise refused("AlreadyExists", call)
        if thing in self.deleted_queues:
            raise refused("QueueDeletedRecently", call)
        self.things.add(thing)

    def _remove(self, service: str, call: str, arguments: dict[str, Any]) -> None:
        if call == "delete_alarms":
            found: list[Thing] = [("alarm", name) for name in arguments["AlarmNames"]]
        elif call == "delete_dashboards":
            found = [("dashboard", name) for name in arguments["DashboardNames"]]
        elif call == "delete_table":
            paths = ["DatabaseName", "Name"] if service == "glue" else ["TableName"]
            found = [("glue table" if service == "glue" else "table", *(_argument(arguments, path) for path in paths))]
        elif "Qualifier" in arguments:
            found = [("version", f"{arguments['FunctionName']}:{arguments['Qualifier']}")]
        else:
            kind, *paths = _REMOVES[call]
            found = [(kind, *(_argument(arguments, path) for path in paths))]
        for thing in found:
            if thing not in self.things:
                raise refused("ResourceNotFound", call)
            if thing[0] == "role" and any(one[:2] == ("role policy", thing[1]) for one in self.things):
                raise refused("DeleteConflict", call)
            self.things.discard(thing)
            # What lies inside goes with it.
            if thing[0] in ("log group", "database", "bucket"):
                self.things = {one for one in self.things if not (len(one) > 1 and one[1] == thing[1])}
            if thing[0] == "queue":
                self.deleted_queues.add(thing)

    @staticmethod
    def _answer(arguments: dict[str, Any]) -> dict[str, Any]:
        name = arguments.get("QueueName") or arguments.get("Name") or ""
        return {
            "QueueUrl": f"http://sqs/{name}",
            "EventBusArn": f"arn:bus/{name}",
            "RuleArn": f"arn:rule/{name}",
            "FunctionArn": f"arn:function/{arguments.get('FunctionName')}",
            "AliasArn": f"arn:function/{arguments.get('FunctionName')}:{name}",
            "DeliveryStreamARN": f"arn:firehose/{arguments.get('DeliveryStreamName')}",
            "Role": {"Arn": f"arn:role/{arguments.get('RoleName')}", "RoleId": "AROA"},
            "TableDescription": {"TableArn": "arn:table"},
            "Table": {"TableArn": "arn:table"},
        }


class _Client:
    def __init__(self, account: FakeAccount, service: str) -> None:
        self._account, self._service = account, service

    def get_waiter(self, name: str) -> "_Client":
        return self

    def wait(self, **_: Any) -> None:
        return None

    def list_role_policies(self, RoleName: str) -> dict[str, Any]:
        return {"PolicyNames": [one[2] for one in self._account.things if one[:2] == ("role policy", RoleName)]}

    def head_bucket(self, Bucket: str) -> None:
        self._there(("bucket", Bucket))

    def list_versions_by_function(self, FunctionName: str) -> dict[str, Any]:
        found = [one[1] for one in self._account.things if one[0] == "version"]
        return {"Versions": [{"Version": one.rpartition(":")[2]} for one in found if one.startswith(FunctionName)]}

    def describe_stream_summary(self, StreamName: str) -> None:
        self._there(("stream", StreamName))

    def describe_table(self, TableName: str) -> dict[str, Any]:
        self._there(("table", TableName))
        return {"Table": {"TableArn": "arn:table"}}

    def _there(self, thing: Thing) -> None:
        if thing not in self._account.things:
            raise refused("ResourceNotFound", "describe")

    def __getattr__(self, call: str) -> Any:
        return lambda **arguments: self._account.change(self._service, call, arguments)
