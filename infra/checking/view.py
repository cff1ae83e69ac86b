"""A SAM or CloudFormation template as the rules see it: SAM's forms and CloudFormation's alike. Pure."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal

from msgspec import Struct

Properties = Mapping[str, Any]
Unit = Literal["s", "min", "h", "d"]

UNKNOWN: Final = object()
"""A value that only a deployment knows."""

_EVENTS: Final = {"Kinesis": "kinesis", "DynamoDB": "dynamodb", "SQS": "sqs"}
_ASYNCHRONOUS: Final = {"S3", "SNS", "EventBridgeRule", "CloudWatchEvent", "Schedule", "ScheduleV2", "IoTRule"}
_FUNCTIONS: Final = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_STREAM_OF: Final = {"AWS::Kinesis::Stream": "kinesis", "AWS::DynamoDB::Table": "dynamodb", "AWS::SQS::Queue": "sqs"}


class Source(Struct, frozen=True):
    """An event source of a function.

    Args:
        place: how a finding names it.
        owner: the logical id that it is written in.
        kind: ``kinesis``, ``dynamodb`` (a table's stream) or ``sqs``.
        function, origin: logical ids; None when the template does not hold them.
        settings: its properties, by the names of CloudFormation.
    """

    place: str
    owner: str
    kind: str
    function: str | None
    origin: str | None
    settings: Properties


class View:
    """A template's resources.

    Args:
        template: as ``load_template`` gives it.
        parameters: values by name; the others take their defaults.
    """

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, object] | None = None) -> None:
        self._template = template
        declared = _items(template.get("Parameters"))
        defaults = {name: rule.get("Default", UNKNOWN) for name, rule in declared if isinstance(rule, dict)}
        self._parameters = {**defaults, **(parameters or {})}

    def of(self, *kinds: str) -> Iterator[tuple[str, Properties]]:
        """Logical id and resolved properties of the resources of these types."""
        for name, resource in self.resources.items():
            if resource.get("Type") in kinds:
                yield name, self.properties(name)

    @cached_property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Everything under Resources that has the shape of one."""
        return {name: one for name, one in _items(self._template.get("Resources")) if isinstance(one, dict)}

    def properties(self, name: str) -> Properties:
        """A resource's properties, with the defaults of SAM's Globals, and parameters put in."""
        resource = self.resources.get(name, {})
        given = resource.get("Properties")
        own = given if isinstance(given, dict) else {}
        if resource.get("Type") == "AWS::Serverless::Function":
            own = {**dict(_items(part(self._template.get("Globals"), "Function"))), **own}
        return {key: self.value(one) for key, one in own.items()}

    def value(self, given: Any) -> Any:
        """A value with parameters put in; ``UNKNOWN`` where an intrinsic function is left."""
        if isinstance(given, list):
            return [self.value(one) for one in given]
        if not isinstance(given, dict):
            return given
        if set(given) == {"Ref"}:
            name = str(given["Ref"])
            # SAM's names for what belongs to a function, such as Function.Alias, count as the function's.
            return self._parameters.get(name, given if name.partition(".")[0] in self.resources else UNKNOWN)
        if set(given) == {"Fn::If"}:
            return self._chosen(given["Fn::If"])
        if len(given) == 1 and next(iter(given)).startswith("Fn::"):
            # GetAtt and Sub name resources, which rules follow.
            return given
        return {key: self.value(one) for key, one in given.items()}

    def _chosen(self, branches: Any) -> Any:
        """The only value that an Fn::If can have, when its other branch leaves the property out."""
        if not isinstance(branches, list) or len(branches) != 3:
            return UNKNOWN
        first, second = (self.value(branch) for branch in branches[1:])
        return first if first == second else UNKNOWN

    def target(self, given: Any) -> str | None:
        """The logical id that a Ref, GetAtt or Sub names, when the template has it."""
        if not isinstance(given, dict) or len(given) != 1:
            return None
        [(function, argument)] = given.items()
        if function == "Fn::GetAtt":
            argument = argument[0] if isinstance(argument, list) and argument else str(argument).partition(".")[0]
        elif function == "Fn::Sub":
            text = argument[0] if isinstance(argument, list) and argument else argument
            _, opened, rest = str(text).partition("${")
            argument = rest.partition("}")[0].partition(".")[0] if opened else None
        elif function == "Ref":
            argument = str(argument).partition(".")[0]
        else:
            return None
        return argument if isinstance(argument, str) and argument in self.resources else None

    def sources(self, *kinds: str) -> Iterator[Source]:
        """Every event source of these kinds, of all without one."""
        for source in self._sources:
            if not kinds or source.kind in kinds:
                yield source

    @cached_property
    def _sources(self) -> list[Source]:
        found = [*self._mappings(), *self._sam_events()]
        return [source for source in found if source.kind]

    def _mappings(self) -> Iterator[Source]:
        for name, given in self.of("AWS::Lambda::EventSourceMapping"):
            origin = self.target(given.get("EventSourceArn"))
            kind = _STREAM_OF.get(str(self.resources[origin].get("Type")), "") if origin else _kind_of(given)
            yield Source(name, name, kind, self.target(given.get("FunctionName")), origin, given)

    def _sam_events(self) -> Iterator[Source]:
        for name, given in self.of("AWS::Serverless::Function"):
            for event_name, event in _items(given.get("Events")):
                kind = _EVENTS.get(str(event.get("Type")), "") if isinstance(event, dict) else ""
                settings = event.get("Properties") if kind else None
                if isinstance(settings, dict):
                    origin = self.target(settings.get("Stream") or settings.get("Queue"))
                    yield Source(f"{name}.Events.{event_name}", name, kind, name, origin, settings)

    def aliases(self, function: str) -> Iterator[str]:
        """The aliases of a function, by name: the one that SAM publishes to, and those that the template has."""
        properties = self.properties(function)
        if properties.get("AutoPublishAlias"):
            yield str(properties["AutoPublishAlias"])
        for name, given in self.of("AWS::Lambda::Alias"):
            if self.target(given.get("FunctionName")) == function:
                yield given["Name"] if isinstance(given.get("Name"), str) else name

    def is_without_qualifier(self, given: Any) -> bool:
        """Whether what names a function names neither a version nor an alias of it, or what is not published."""
        target = self.target(given)
        if target is None or self.resources[target].get("Type") not in _FUNCTIONS:
            return False
        [(intrinsic, argument)] = given.items()
        if intrinsic == "Fn::GetAtt":
            return (argument if isinstance(argument, list) else str(argument).split("."))[1:] == ["Arn"]
        text = str(argument[0] if isinstance(argument, list) else argument)
        if intrinsic == "Ref":
            return text == target
        return text.endswith((f"${{{target}}}", f"${{{target}.Arn}}", ":$LATEST"))

    def asynchronous(self) -> Iterator[str]:
        """The functions that are invoked asynchronously, by an event of SAM or by a permission of such a service."""
        for name, given in self.of("AWS::Serverless::Function"):
            if any(
                isinstance(event, dict) and event.get("Type") in _ASYNCHRONOUS
                for _, event in _items(given.get("Events"))
            ):
                yield name

    def alarms(self, *metrics: str) -> bool:
        """Whether an alarm looks at one of these metrics, also by a mathematical expression over it."""
        for _, given in self.of("AWS::CloudWatch::Alarm"):
            named = {str(given.get("MetricName"))}
            named |= {str(part(one, "MetricStat", "Metric", "MetricName")) for one in listed(given.get("Metrics"))}
            if named & set(metrics):
                return True
        return False


def part(given: Any, *path: str) -> Any:
    """What is at a path of mappings; None where it ends, UNKNOWN where only a deployment knows.

    >>> part({"a": {"b": 1}}, "a", "b"), part({"a": 3}, "a", "b")
    (1, None)
    """
    for name in path:
        if given is UNKNOWN:
            return UNKNOWN
        given = given.get(name) if isinstance(given, Mapping) else None
    return given


def listed(given: Any) -> list[Any]:
    """A list as it is, and nothing for anything else."""
    return given if isinstance(given, list) else []


def number(given: Any) -> float | None:
    """A number, also when it is written as text; None for anything else.

    >>> number("30"), number(True), number({"Ref": "X"})
    (30.0, None, None)
    """
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        return float(given)
    except ValueError:
        return None


def is_on(given: Any) -> bool:
    """Whether a switch is on, or may be for all the template says."""
    return given is UNKNOWN or isinstance(given, dict) or str(given).lower() == "true"


def _items(given: Any) -> Iterator[tuple[str, Any]]:
    yield from given.items() if isinstance(given, dict) else ()


def _kind_of(given: Properties) -> str:
    """The kind of a source that the template does not hold, by its ARN or by what is set on it."""
    arn = str(given.get("EventSourceArn"))
    for kind in ("kinesis", "dynamodb", "sqs"):
        if f":{kind}:" in arn:
            return kind
    return "kinesis" if "StartingPosition" in given and "Topics" not in given else ""
