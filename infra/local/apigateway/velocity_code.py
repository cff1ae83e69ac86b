"""A template that airspeed has read, as a function of Python.

airspeed walks its tree at each rendering: for a batch of 500 events in three million calls. Here the tree becomes
the text of a function once. Nothing of the template stands in that text but constants as Python writes them, and
numbers of variables.

As in Java a variable that is set in a loop is there after it, and the loop's own are what they were before.
"""

from collections.abc import Iterator
from typing import Any, Final

import airspeed  # type: ignore[import-untyped]

from infra.local.apigateway.java_values import COMPARISONS, item, member, method, same, text_of
from infra.local.apigateway.json_values import NotModelledError

GIVEN: Final = ("input", "util", "context", "stageVariables")
"""The variables that a template is given, in the order of the function's arguments."""
_MAX_LOOPS: Final = 1_000
"""Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html (iterations of #foreach)"""
_LOGIC: Final = {"&&": "and", "and": "and", "||": "or", "or": "or"}


class _Writer:
    """The function's text, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"text": text_of, "member": member, "item": item, "same": same, "each": _each}
        self.variables: dict[str, str] = {name: f"v{at}" for at, name in enumerate(GIVEN)}
        self._kept = 0

    # -------------------------------------------------------------------------------------------- directives

    def block(self, block: Any, depth: int) -> None:
        """The lines for what a block holds; at least one."""
        pad = " " * depth
        before = len(self.lines)
        for run in _runs(block.children):
            if isinstance(run, list):
                self.lines.append(f"{pad}w({self.texts(run)})")
            else:
                self._directive(run, depth)
        if len(self.lines) == before:
            self.lines.append(f"{pad}pass")

    def _directive(self, node: Any, depth: int) -> None:
        pad = " " * depth
        if isinstance(node, airspeed.SetDirective):
            place = self.variable(node.terms[0]) + "".join(f"[{term!r}]" for term in node.terms[1:])
            self.lines.append(f"{pad}{place} = {self.expression(node.value)}")
        elif isinstance(node, airspeed.IfDirective):
            self.lines.append(f"{pad}if {self.value(node.condition.calculate.__self__)}:")
            self.block(node.block, depth + 1)
            for other in node.elseifs:
                self.lines.append(f"{pad}elif {self.value(other.calculate.__self__)}:")
                self.block(other.block, depth + 1)
            if isinstance(node.else_block, airspeed.ElseBlock):
                self.lines.append(f"{pad}else:")
                self.block(node.else_block.block, depth + 1)
        elif isinstance(node, airspeed.ForeachDirective):
            self._foreach(node, depth)
        elif isinstance(node, airspeed.StopDirective):
            self.lines.append(f"{pad}return ''.join(out)")
        else:
            raise _not_modelled(node)

    def _foreach(self, node: Any, depth: int) -> None:
        pad = " " * depth
        self._kept += 1
        own = [self.variable(name) for name in ("foreach", "velocityCount", node.loop_var_name)]
        kept = f"k{self._kept}"
        self.lines.append(f"{pad}{kept} = {', '.join(own)}")
        self.lines.append(f"{pad}for {', '.join(own)} in each({self.value(node.value)}):")
        self.block(node.block, depth + 1)
        self.lines.append(f"{pad}{', '.join(own)} = {kept}")

    # -------------------------------------------------------------------------------------------- expressions

    def texts(self, nodes: list[Any]) -> str:
        """The code for a text of constants and references."""
        parts: list[str] = []
        constant = ""
        for node in nodes:
            if isinstance(node, airspeed.FormalReference):
                if constant:
                    parts.append(repr(constant))
                    constant = ""
                parts.append(self._written(node))
            elif not isinstance(node, airspeed.Comment):
                constant += node.text
        if constant or not parts:
            parts.append(repr(constant))
        return " + ".join(parts)

    def _written(self, node: Any) -> str:
        """The text of a reference; of one that leads to nothing its own, or none when it is silent."""
        if node.expression is None:
            return repr(node.my_text())
        if node.alternate is not None:
            other = f"text({self.value(node.alternate.expression)})"
        else:
            other = repr("" if node.silent else node.my_text())
        value = self.value(node)
        if value.startswith("v"):
            return f"({other} if {value} is None else {value} if type({value}) is str else text({value}))"
        return f"({other} if (t := {value}) is None else text(t))"

    def variable(self, name: str) -> str:
        """The name in Python of a variable of the template."""
        return self.variables.setdefault(name, f"v{len(self.variables)}")

    def expression(self, node: Any) -> str:
        """The code for values with operators between them, weighed as airspeed does."""
        values = [self.value(node.expression[0])]
        waiting: list[Any] = []

        def apply() -> None:
            right, left = values.pop(), values.pop()
            values.append(self._applied(waiting.pop(), left, right))

        for sign, value in zip(node.expression[1::2], node.expression[2::2], strict=True):
            while waiting and not sign.greater_precedence_than(waiting[-1]):
                apply()
            waiting.append(sign)
            values.append(self.value(value))
        while waiting:
            apply()
        return values[0]

    def _applied(self, sign: Any, left: str, right: str) -> str:
        name = sign.my_text().strip()
        if name in _LOGIC:
            return f"(bool({left}) {_LOGIC[name]} bool({right}))"
        if name in ("==", "eq", "!=", "ne"):
            return f"({'' if name in ('==', 'eq') else 'not '}same({left}, {right}))"
        return f"{self._constant(COMPARISONS.get(name, sign.apply_to))}({left}, {right})"

    def _constant(self, value: Any) -> str:
        name = f"c{id(value)}"
        self.names[name] = value
        return name

    def value(self, node: Any) -> str:
        """The code for a value."""
        match node:
            case airspeed.Value() | airspeed.Condition():
                return self.value(node.expression)
            case airspeed.Expression():
                return self.expression(node)
            case airspeed.ParenthesizedExpression():
                return f"({self.expression(node.calculate.__self__)})"
            case airspeed.FormalReference() if node.expression is not None:
                return self._reference(node.expression)
            case airspeed.InterpolatedStringLiteral():
                runs = list(_runs(node.block.children))
                if any(not isinstance(run, list) for run in runs):
                    raise NotModelledError("a directive inside a string is not modelled")
                return f"({self.texts(runs[0])})" if runs else "''"
            case airspeed.StringLiteral() | airspeed.IntegerLiteral() | airspeed.FloatingPointLiteral():
                return repr(node.value)
            case airspeed.BooleanLiteral():
                return repr(node.value)
            case airspeed.NullLiteral():
                return "None"
            case airspeed.ArrayLiteral():
                return self._array(node.calculate.__self__)
            case airspeed.DictionaryLiteral():
                pairs = (f"{self.value(key)}: {self.value(one)}" for key, one in node.local_data.items())
                return "{" + ", ".join(pairs) + "}"
            case airspeed.UnaryOperatorValue():
                return f"(not {self.value(node.value)})"
        raise _not_modelled(node)

    def _array(self, values: Any) -> str:
        if isinstance(values, airspeed.Range):
            raise _not_modelled(values)
        return "[" + ", ".join(self.value(one) for one in getattr(values, "values", ())) + "]"

    def _reference(self, node: Any, owner: str = "") -> str:
        part = node.part
        if not owner:
            # A variable is no method.
            code = self.variable(part.name) if part.parameters is None else "None"
        elif part.parameters is not None:
            arguments = [self.value(one) for one in getattr(part.parameters.values, "values", ())]
            code = f"{self._constant(method(part.name))}({', '.join([owner, *arguments])})"
        else:
            code = f"member({owner}, {part.name!r})"
        if part.index is not None:
            code = f"item({code}, {self.value(part.index.index)})"
        return self._further(node.subexpression, code)

    def _further(self, node: Any, owner: str) -> str:
        if node is None:
            return owner
        if isinstance(node.expression, airspeed.ArrayIndex):
            return self._further(node.subexpression, f"item({owner}, {self.value(node.expression.index)})")
        return self._reference(node.expression, owner)


def function_of(template: Any) -> Any:
    """The function of a template that airspeed has read: of the values of GIVEN to a text.

    Raises:
        NotModelledError: the template has a directive or a value that is not modelled.
    """
    writer = _Writer()
    writer.block(template.root_element.block, 1)
    arguments = [writer.variables[name] for name in GIVEN]
    others = [code for name, code in writer.variables.items() if name not in GIVEN]
    nothing = [f" {' = '.join(others)} = None"] if others else []
    head = [f"def made({', '.join(arguments)}):", " out = []", " w = out.append", *nothing]
    text = "\n".join([*head, *writer.lines, " return ''.join(out)", ""])
    try:
        exec(compile(text, "<mapping template>", "exec"), writer.names)  # noqa: S102 - constants and numbers only
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise NotModelledError(f"a mapping template is nested too deep: {error}") from None
    return writer.names["made"]


def _runs(children: list[Any]) -> Iterator[Any]:
    """The children with those that only write together in lists."""
    run: list[Any] = []
    for child in children:
        if isinstance(child, _WRITES):
            run.append(child)
            continue
        if run:
            yield run
        run = []
        yield child
    if run:
        yield run


_WRITES: Final = (airspeed.Text, airspeed.FallthroughHashText, airspeed.FormalReference, airspeed.Comment)


def _each(those: Any) -> Iterator[tuple[dict[str, Any], int, Any]]:
    """Of each what ``$foreach``, ``$velocityCount`` and the loop's variable are."""
    if those is None:
        return
    if not isinstance(those, list):
        raise NotModelledError(f"#foreach goes over lists here, not over {type(those).__name__}")
    last = len(those)
    for number, one in enumerate(those, 1):
        if number > _MAX_LOOPS:
            return
        about = {
            "count": number,
            "index": number - 1,
            "hasNext": number < last,
            "first": number == 1,
            "last": number == last,
        }
        yield about, number, one


def _not_modelled(node: Any) -> NotModelledError:
    text = node.my_text()
    return NotModelledError(f"{text[:60]!r} in a mapping template is not modelled by the laptop runtime")
