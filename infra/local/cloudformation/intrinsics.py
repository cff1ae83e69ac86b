"""CloudFormation's intrinsic functions: a template's parameters, conditions and references made into plain values.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from glue.terminal.yaml_errors import yaml_problem

_SUB = re.compile(r"\$\{(!?)([^}]+)\}")


class TemplateError(ValueError):
    """A template, or a value for it, that cannot be used; the message says where, what and what is allowed."""


class _NoValue:
    """AWS::NoValue: the property, or the list's element, is left out."""


NO_VALUE = _NoValue()

Template = dict[str, Any]
Attribute = Callable[[str, str | None], Any]
"""Gives a resource's Ref (attribute None) or one of its attributes."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (!Ref and its like); what it objects to, it shows."""


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same by libyaml where PyYAML has it, in an eighth of the time."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
_FastLoader.add_multi_constructor("!", _short_form)


def load_template(text: str) -> Template:
    """A template's YAML or JSON as plain values, short forms written out.

    Raises:
        TemplateError: it is not YAML, or not a mapping with Resources.

    >>> load_template("Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${AWS::StackName}-q'}}}")
    {'Resources': {'Q': {'Type': 'AWS::SQS::Queue', 'Properties': {'QueueName': {'Fn::Sub': '${AWS::StackName}-q'}}}}}
    """
    try:
        template = _read(text)
    except yaml.YAMLError as error:
        raise TemplateError(f"the template is not YAML: {yaml_problem(error)}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise TemplateError("the template has no mapping named Resources")
    return template


def _read(text: str) -> Any:
    try:
        return yaml.load(text, _FastLoader)  # noqa: S506 - a SafeLoader's child
    except yaml.YAMLError:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader's child


def parameter_values(template: Template, given: Mapping[str, object]) -> dict[str, Any]:
    """Each parameter's value: the one given, else its default; numbers as numbers.

    Raises:
        TemplateError: a parameter that the template has not, one without value, or a value outside its bounds.

    >>> parameter_values({"Parameters": {"N": {"Type": "Number", "Default": 2, "MaxValue": 9}}}, {"N": "7"})
    {'N': 7}
    """
    declared: Mapping[str, Mapping[str, Any]] = template.get("Parameters", {})
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise TemplateError(f"no such parameter: {', '.join(unknown)}; there are {', '.join(sorted(declared))}")
    return {name: _parameter(name, rule, given) for name, rule in declared.items()}


def _parameter(name: str, rule: Mapping[str, Any], given: Mapping[str, object]) -> Any:
    if name in given:
        value: Any = given[name]
    elif "Default" in rule:
        value = rule["Default"]
    else:
        raise TemplateError(f"parameter {name} has no default: give a value")
    kind = rule.get("Type")
    if kind == "Number":
        try:
            value = _number(value)
        except ValueError as error:
            raise TemplateError(f"parameter {name}: {value!r} is not a number") from error
        low, high = rule.get("MinValue"), rule.get("MaxValue")
        if (low is not None and value < _number(low)) or (high is not None and value > _number(high)):
            raise TemplateError(f"parameter {name}: {value} is outside {low} to {high}")
    elif kind == "String":
        value = str(value)
        pattern = rule.get("AllowedPattern")
        if pattern is not None and not re.fullmatch(pattern, value):
            raise TemplateError(f"parameter {name}: {value!r} does not match {pattern}")
    elif kind == "CommaDelimitedList":
        value = [part.strip() for part in str(value).split(",")]
    else:
        raise TemplateError(f"parameter {name}: type {kind} is not handled; String, Number, CommaDelimitedList are")
    allowed = rule.get("AllowedValues")
    if allowed is not None and str(value) not in {str(one) for one in allowed}:
        raise TemplateError(f"parameter {name}: {value!r} is not one of {', '.join(map(str, allowed))}")
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, bool):
        raise ValueError("a truth value")  # noqa: TRY004 - the caller treats all that is no number alike
    if isinstance(value, int | float):
        return value
    text = str(value)
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


class Resolver:
    """Resolves the intrinsic functions of one template for one set of parameters.

    Args:
        template: as loaded.
        parameters: each one's value.
        pseudo: values of ``AWS::Region`` and its like.
        attribute: gives a made resource's Ref and attributes.
    """

    def __init__(
        self,
        template: Template,
        *,
        parameters: Mapping[str, Any],
        pseudo: Mapping[str, Any],
        attribute: Attribute,
    ) -> None:
        self._mappings: Mapping[str, Any] = template.get("Mappings", {})
        self._declared_conditions: Mapping[str, Any] = template.get("Conditions", {})
        self._known = {**parameters, **pseudo, "AWS::NoValue": NO_VALUE}
        self._attribute = attribute
        self._conditions: dict[str, bool] = {}

    def resolve(self, value: Any, where: str = "") -> Any:
        """A value without intrinsic functions.

        Args:
            where: what to call the place in an error's message.

        Raises:
            TemplateError: a function that is not handled, or one that is used wrongly.
        """
        if isinstance(value, dict):
            if len(value) == 1:
                [(name, argument)] = value.items()
                if name == "Ref" or name.startswith("Fn::"):
                    return self._call(name, argument, where)
                if name == "Condition" and isinstance(argument, str) and where.startswith("Conditions"):
                    return self.condition(argument)
            resolved = {key: self.resolve(one, f"{where}.{key}") for key, one in value.items()}
            return {key: one for key, one in resolved.items() if one is not NO_VALUE}
        if isinstance(value, list):
            elements = [self.resolve(one, f"{where}[{index}]") for index, one in enumerate(value)]
            return [one for one in elements if one is not NO_VALUE]
        return value

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        if name not in self._conditions:
            if name not in self._declared_conditions:
                raise TemplateError(f"there is no condition named {name}")
            self._conditions[name] = bool(self.resolve(self._declared_conditions[name], f"Conditions.{name}"))
        return self._conditions[name]

    def _call(self, name: str, argument: Any, where: str) -> Any:
        match name:
            case "Ref":
                return self._ref(argument)
            case "Fn::GetAtt":
                logical, attribute = argument if isinstance(argument, list) else str(argument).split(".", 1)
                return self._attribute(logical, attribute)
            case "Fn::Sub":
                return self._sub(argument, where)
            case "Fn::If":
                condition, yes, no = self._arguments(name, argument, 3, where)
                return self.resolve(yes if self.condition(condition) else no, where)
        resolved = self.resolve(argument, where)
        match name:
            case "Fn::Join":
                separator, parts = self._arguments(name, resolved, 2, where)
                return str(separator).join(_text(part, where) for part in parts)
            case "Fn::Base64":
                return base64.b64encode(_text(resolved, where).encode()).decode()
            case "Fn::Select":
                index, choices = self._arguments(name, resolved, 2, where)
                if not 0 <= int(index) < len(choices):
                    raise TemplateError(f"{where}: Fn::Select {index} of {len(choices)}")
                return choices[int(index)]
            case "Fn::Split":
                separator, text = self._arguments(name, resolved, 2, where)
                return str(text).split(str(separator))
            case "Fn::FindInMap":
                try:
                    table, first, second = resolved
                    return self._mappings[table][first][second]
                except (KeyError, ValueError, TypeError) as error:
                    raise TemplateError(f"{where}: Fn::FindInMap {resolved} finds nothing") from error
            case "Fn::Equals":
                left, right = self._arguments(name, resolved, 2, where)
                return _text(left, where) == _text(right, where)
            case "Fn::Not":
                [one] = self._arguments(name, resolved, 1, where)
                return not one
            case "Fn::And":
                return all(resolved)
            case "Fn::Or":
                return any(resolved)
            case "Fn::Contains":
                members, one = self._arguments(name, resolved, 2, where)
                return str(one) in {str(member) for member in members}
            case _:
                raise TemplateError(f"{where}: {name} is not handled by the laptop runtime")

    @staticmethod
    def _arguments(name: str, argument: Any, count: int, where: str) -> Sequence[Any]:
        if not isinstance(argument, list) or len(argument) != count:
            raise TemplateError(f"{where}: {name} takes a list of {count}")
        return argument

    def _ref(self, name: str) -> Any:
        return self._known[name] if name in self._known else self._attribute(name, None)

    def _sub(self, argument: Any, where: str) -> str:
        if isinstance(argument, list):
            text, given = self._arguments("Fn::Sub", argument, 2, where)
            own = self.resolve(given, where)
        else:
            text, own = argument, {}

        def one(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in own:
                return _text(own[name], where)
            if name in self._known or "." not in name:
                return _text(self._ref(name), where)
            logical, attribute = name.split(".", 1)
            return _text(self._attribute(logical, attribute), where)

        return _SUB.sub(one, str(text))


def _text(value: Any, where: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise TemplateError(f"{where}: text is needed, not {type(value).__name__}")


def references(value: Any) -> Iterator[str]:
    """The names that a value refers to, by Ref, GetAtt or Sub; parameters among them.

    >>> sorted(references({"A": {"Fn::Sub": "${Lake.Arn}/${!dt}"}, "B": [{"Ref": "Role"}]}))
    ['Lake', 'Role']
    """
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        for name, argument in value.items():
            if name == "Ref":
                yield argument
            elif name == "Fn::GetAtt":
                yield argument[0] if isinstance(argument, list) else str(argument).split(".", 1)[0]
            elif name == "Fn::Sub":
                text = argument[0] if isinstance(argument, list) else argument
                yield from (m[2].split(".", 1)[0] for m in _SUB.finditer(str(text)) if not m[1])
                if isinstance(argument, list):
                    yield from references(argument[1])
            else:
                yield from references(argument)


def creation_order(resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The resources' names, each after all that it refers to or depends on.

    Raises:
        TemplateError: resources that wait for each other, or a DependsOn to nowhere.

    >>> creation_order({"A": {"Properties": {"X": {"Ref": "B"}}}, "B": {}})
    ['B', 'A']
    """
    needs: dict[str, set[str]] = {}
    for name, resource in resources.items():
        after = resource.get("DependsOn", [])
        named = [after] if isinstance(after, str) else list(after)
        missing = [one for one in named if one not in resources]
        if missing:
            raise TemplateError(f"{name} depends on {', '.join(missing)}, which the template has not")
        given = [resource.get("Properties", {}), resource.get("UpdatePolicy", {})]
        needs[name] = {one for one in references(given) if one in resources} | set(named)
    order: list[str] = []
    while needs:
        ready = [name for name, needed in needs.items() if not needed - set(order)]
        if not ready:
            raise TemplateError(f"these wait for each other: {', '.join(sorted(needs))}")
        order.extend(ready)
        for name in ready:
            del needs[name]
    return order
