"""Small defects that can be planted in a source text, one at a time: in Python by its tree, in SQL by its words."""

import ast
import re
from collections.abc import Iterator
from typing import Final, NamedTuple


class Mutant(NamedTuple):
    """One defect.

    Args:
        operator: its kind.
        place: the function it lies in, ``Class.name``; empty on the level of the module.
        line: where it begins, from 1.
        start, stop: the bytes that it replaces.
        text: what stands there instead.
    """

    operator: str
    place: str
    line: int
    start: int
    stop: int
    text: str

    def apply(self, source: str) -> str:
        """The source with the defect in it."""
        data = source.encode()
        return (data[: self.start] + self.text.encode() + data[self.stop :]).decode()

    def change(self, source: str) -> tuple[str, str]:
        """The line before and after, without what stands around it."""
        before, after = source.splitlines(), self.apply(source).splitlines()
        at = next((n for n, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), self.line - 1)
        return before[at].strip(), after[at].strip() if at < len(after) else ""


_COMPARED: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COUNTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.Pow: ast.Mult,
}
_TWINS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_COMMUTING: Final = {"min", "max", "isinstance", "issubclass", "cast"}


def python_mutants(source: str) -> list[Mutant]:
    """The defects of a module, in the order of its lines.

    Left alone are annotations, documentation, what a ``raise`` says, texts with blanks (they are for people), the
    options of a class, and ``strict=``, which only finds defects.

    >>> [one.apply("def f(a):\\n    return a < 3\\n").splitlines()[1].strip()
    ...  for one in python_mutants("def f(a):\\n    return a < 3\\n")]
    ['return None', 'return (a <= 3)', 'return (a >= 3)', 'return a < (4)']
    """
    tree = ast.parse(source)
    return sorted(_Finder(source).found(tree), key=lambda one: (one.line, one.start))


def watched(source: str, module: str) -> str:
    """A module whose functions tell ``builtins.planted_here(module, line)``, where there is such a thing, of each call.

    >>> print(watched("def f():\\n    return 1\\n", "m.py"))
    def f():
        getattr(__import__('builtins'), 'planted_here', {}.get)('m.py', 1)
        return 1
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            at = 1 if ast.get_docstring(node) is not None else 0
            tell = f"getattr(__import__('builtins'), 'planted_here', {{}}.get)({module!r}, {node.lineno})"
            node.body[at:at] = ast.parse(tell).body
    return ast.unparse(tree)


def function_at(source: str, line: int) -> int:
    """The line of the innermost function around a line; 0 where there is none.

    >>> function_at("def f():\\n    def g():\\n        return 1\\n    return g\\n", 3)
    2
    """
    return max(
        (
            node.lineno
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and min([node.lineno, *(one.lineno for one in node.decorator_list)]) <= line <= (node.end_lineno or line)
        ),
        default=0,
    )


class _Finder:
    def __init__(self, source: str) -> None:
        self._starts = [0]
        for line in source.encode().splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._place: list[str] = []
        self._gives_bool = False

    def found(self, node: ast.AST) -> Iterator[Mutant]:
        yield from self._of(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            outer = self._gives_bool
            self._place.append(node.name)
            self._gives_bool = not isinstance(node, ast.ClassDef) and _is_bool(node.returns)
            yield from self._below(node)
            self._place.pop()
            self._gives_bool = outer
        else:
            yield from self._below(node)

    def _below(self, node: ast.AST) -> Iterator[Mutant]:
        if isinstance(node, ast.Raise | ast.JoinedStr):
            return
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list", "bases", "type_params"} or (
                name == "keywords" and isinstance(node, ast.ClassDef)
            ):
                continue
            children = value if isinstance(value, list) else [value]
            for child in children:
                if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                    continue  # documentation
                if isinstance(child, ast.Assign) and ast.unparse(child.targets[0]) == "__all__":
                    continue
                if isinstance(child, ast.keyword) and child.arg == "strict":
                    continue
                if isinstance(child, ast.AST):
                    yield from self.found(child)

    def _mutant(self, operator: str, node: ast.AST, text: str) -> Mutant:
        start = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        stop = self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return Mutant(operator, ".".join(self._place), node.lineno, start, stop, text)  # type: ignore[attr-defined]

    def _instead(self, operator: str, node: ast.AST, other: ast.AST) -> Mutant:
        return self._mutant(operator, node, f"({ast.unparse(other)})")

    def _of(self, node: ast.AST) -> Iterator[Mutant]:
        match node:
            case ast.Compare(left=left, ops=ops, comparators=others):
                for at, op in enumerate(ops):
                    for kind in _COMPARED[type(op)]:
                        changed = [*ops[:at], kind(), *ops[at + 1 :]]
                        yield self._instead("comparison", node, ast.Compare(left, changed, others))
            case ast.BoolOp(op=op, values=values):
                other = ast.Or() if isinstance(op, ast.And) else ast.And()
                yield self._instead("boolean", node, ast.BoolOp(other, values))
                for at in range(len(values)):
                    kept = [*values[:at], *values[at + 1 :]]
                    yield self._instead("operand", node, ast.BoolOp(op, kept) if len(kept) > 1 else kept[0])
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
                yield self._instead("sign", node, operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _COUNTED and not _is_text(left):
                yield self._instead("arithmetic", node, ast.BinOp(left, _COUNTED[type(op)](), right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                yield self._instead("branches", node, ast.IfExp(test, orelse, body))
            case ast.Constant(value=value):
                if (changed_value := _another(value)) is not None:
                    yield self._mutant("constant", node, f"({changed_value!r})")
            case ast.Slice(lower=lower, upper=upper, step=step):
                if lower is not None:
                    yield self._mutant("slice", node, ast.unparse(ast.Slice(None, upper, step)))
                if upper is not None:
                    yield self._mutant("slice", node, ast.unparse(ast.Slice(lower, None, step)))
            case ast.Call():
                yield from self._of_call(node)
            case ast.If(test=test) | ast.While(test=test) if not isinstance(test, ast.Compare | ast.Constant):
                yield self._instead("condition", test, ast.UnaryOp(ast.Not(), test))
            case ast.Return(value=value) if value is not None and not _is_none(value):
                other_value: ast.expr = ast.UnaryOp(ast.Not(), value) if self._gives_bool else ast.Constant(None)
                yield self._mutant("return", node, ast.unparse(ast.Return(other_value)))
            case ast.ExceptHandler(type=ast.Tuple(elts=kinds) as caught):
                for at in range(len(kinds)):
                    yield self._instead("exception", caught, ast.Tuple([*kinds[:at], *kinds[at + 1 :]], ast.Load()))
            case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()) | ast.Raise():
                yield self._mutant("statement", node, "pass")
            case ast.AugAssign() | ast.Assign(targets=[ast.Attribute() | ast.Subscript(), *_]) | ast.Return(value=None):
                yield self._mutant("statement", node, "pass")
            case ast.Continue():
                yield self._mutant("statement", node, "break")
            case ast.Break():
                yield self._mutant("statement", node, "continue")

    def _of_call(self, node: ast.Call) -> Iterator[Mutant]:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in _TWINS:
            yield self._mutant("twin", node.func, _TWINS[name])
        if len(node.args) >= 2 and name not in _COMMUTING:
            first, second, *rest = node.args
            starred = isinstance(first, ast.Starred) or isinstance(second, ast.Starred)
            if not starred and ast.dump(first) != ast.dump(second):
                yield self._instead("arguments", node, ast.Call(node.func, [second, first, *rest], node.keywords))
        if not name[:1].isupper():
            for at, keyword in enumerate(node.keywords):
                if keyword.arg not in {None, "strict", "encoding"}:
                    kept = [*node.keywords[:at], *node.keywords[at + 1 :]]
                    yield self._instead("arguments", node, ast.Call(node.func, node.args, kept))


def _another(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 2 or 1.0
    if isinstance(value, str) and " " not in value:
        return f"{value}XX"
    if isinstance(value, bytes) and b" " not in value:
        return value + b"XX"
    return None


def _is_bool(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == "bool"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


_SQL: Final = (
    ("comparison", re.compile(r"(?<![<>!=])=(?!=)"), "<>"),
    ("comparison", re.compile(r"<>"), "="),
    ("comparison", re.compile(r"<=(?!>)"), "<"),
    ("comparison", re.compile(r">="), ">"),
    ("comparison", re.compile(r"(?<=\s)<(?=\s)"), "<="),
    ("comparison", re.compile(r"(?<=\s)>(?=\s)"), ">="),
    ("boolean", re.compile(r"\bAND\b"), "OR"),
    ("boolean", re.compile(r"\bOR\b(?! REPLACE)"), "AND"),
    ("order", re.compile(r" DESC\b"), ""),
    ("twin", re.compile(r"\bmin(?=\()"), "max"),
    ("twin", re.compile(r"\bmax(?=\()"), "min"),
    ("twin", re.compile(r"\bsum(?=\()"), "count"),
    ("constant", re.compile(r"(?<![\w.'-])\d+(?![\w.'])"), "7"),
    ("constant", re.compile(r"'[a-z]+'"), "'else'"),
    ("set", re.compile(r"\bUNION ALL\b"), "UNION"),
    ("set", re.compile(r"\bDISTINCT\b"), ""),
    ("set", re.compile(r"\bIS NOT NULL\b"), "IS NULL"),
    ("set", re.compile(r"\bIS NULL\b"), "IS NOT NULL"),
    ("set", re.compile(r"\bNOT (?=IN|EXISTS|LIKE)"), ""),
    ("set", re.compile(r"(?<!NOT )\bIN (?=\()"), "NOT IN "),
    ("set", re.compile(r"\bLEFT JOIN\b|\bFULL JOIN\b|\bFULL OUTER JOIN\b"), "JOIN"),
)
_LIST: Final = re.compile(r"(PARTITION BY|ORDER BY|GROUP BY) ((?:[\w.]+(?:\([\w., ]*\))?(?: DESC| ASC)?(?:, )?)+)")


def sql_mutants(source: str) -> list[Mutant]:
    """The defects of a statement; its comments are left alone.

    >>> [one.apply("SELECT a FROM t WHERE a = 1 ORDER BY a DESC, b") for one in
    ...  sql_mutants("SELECT a FROM t WHERE a = 1 ORDER BY a DESC, b")][-2:]
    ['SELECT a FROM t WHERE a = 1 ORDER BY a DESC', 'SELECT a FROM t WHERE a = 1 ORDER BY a, b']
    """
    found = []
    for operator, pattern, text in _SQL:
        found += [_sql_mutant(source, operator, one.start(), one.end(), text) for one in pattern.finditer(source)]
    for one in _LIST.finditer(source):
        items = re.split(r", (?![^(]*\))", one[2])
        for at in range(len(items) if len(items) > 1 else 0):
            kept = ", ".join([*items[:at], *items[at + 1 :]])
            found.append(_sql_mutant(source, "operand", one.start(2), one.end(2), kept))
    commented = {number for number, line in enumerate(source.splitlines(), start=1) if line.lstrip().startswith("--")}
    return sorted((one for one in found if one.line not in commented), key=lambda one: (one.line, one.start))


def _sql_mutant(source: str, operator: str, start: int, stop: int, text: str) -> Mutant:
    before = len(source[:start].encode())
    inside = len(source[start:stop].encode())
    return Mutant(operator, "", source.count("\n", 0, start) + 1, before, before + inside, text)
