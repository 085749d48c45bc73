"""Gates: a condition on an answer's figures, ``unexplained_share > 0.01``, read and decided without evaluating code.

A gate compares figures with each other or with numbers: ``+ - * /``, ``< <= > >= == !=``, ``and or not``, brackets, and
``abs min max``. A figure is named by its path in the answer: ``total_usd``, ``causes.unexplained``.
"""

import ast
import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from bedrock_lab.errors import InputError, LabError, listing
from bedrock_lab.quote import EXACT, plain

LONGEST = 500
BINARY: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: EXACT.add,
    ast.Sub: EXACT.subtract,
    ast.Mult: EXACT.multiply,
    ast.Div: EXACT.divide,
}
COMPARED: dict[type[ast.cmpop], Callable[[Decimal, Decimal], bool]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}
FUNCTIONS: dict[str, Callable[..., Decimal]] = {"abs": abs, "min": min, "max": max}
ALLOWED = "names of figures, numbers, + - * /, comparisons, and, or, not, brackets, abs, min, max"


class GateError(LabError):
    """A gate is true: the answer stands, and it is not what was to hold."""

    exit_code = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Gate:
    """A condition that is to fail a run where it is true.

    Examples
    --------
    >>> gate = read_gate("unexplained_share > 0.01 and bill_usd >= 10")
    >>> gate.holds({"unexplained_share": "0.02", "bill_usd": "12"}), gate.names
    (True, ('bill_usd', 'unexplained_share'))
    """

    text: str
    tree: ast.expr
    names: tuple[str, ...]

    def holds(self, figures: Mapping[str, Any]) -> bool:
        """Whether the condition is true of an answer's figures.

        Raises
        ------
        InputError
            A name that is none of the answer's, or a figure that is not known.
        """
        return bool(self._of(self.tree, figures))

    def sentence(self, figures: Mapping[str, Any]) -> str:
        """Say which gate is true, with the figures it looked at."""
        found = ", ".join(f"{name} = {plain(_figure(name, figures))}" for name in self.names)
        return f"--fail-if {self.text!r} is true: {found or 'it names no figure'}"

    def check(self, figures: Mapping[str, Any]) -> None:
        """Raise where the condition is true."""
        if self.holds(figures):
            raise GateError(self.sentence(figures))

    def _of(self, node: ast.expr, figures: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one a kind of node
        match node:
            case ast.Constant():
                return Decimal(str(node.value))
            case ast.Name() | ast.Attribute():
                return _figure(_path(node), figures)
            case ast.UnaryOp(op=ast.Not()):
                return not self._of(node.operand, figures)
            case ast.UnaryOp():
                value = self._number(node.operand, figures)
                return -value if isinstance(node.op, ast.USub) else value
            case ast.BinOp():
                return self._arithmetic(node, figures)
            case ast.BoolOp(op=ast.And()):
                return all(self._of(part, figures) for part in node.values)
            case ast.BoolOp():
                return any(self._of(part, figures) for part in node.values)
            case ast.Compare():
                sides = [self._number(part, figures) for part in (node.left, *node.comparators)]
                pairs = zip(sides, node.ops, sides[1:], strict=False)
                return all(COMPARED[type(how)](left, right) for left, how, right in pairs)
            case ast.Call(func=ast.Name(id=name)):
                return FUNCTIONS[name](*(self._number(part, figures) for part in node.args))
        raise self._refused()

    def _number(self, node: ast.expr, figures: Mapping[str, Any]) -> Decimal:
        value = self._of(node, figures)
        if not isinstance(value, Decimal):
            raise self._refused()
        return value

    def _arithmetic(self, node: ast.BinOp, figures: Mapping[str, Any]) -> Decimal:
        try:
            return BINARY[type(node.op)](self._number(node.left, figures), self._number(node.right, figures))
        except ArithmeticError:
            raise InputError(f"--fail-if {self.text!r}: divides by 0") from None

    def _refused(self) -> InputError:
        return InputError(f"--fail-if {self.text!r}: allowed are {ALLOWED}")


def read_gate(text: str) -> Gate:
    """Read a condition.

    Raises
    ------
    InputError
        It is none, or holds what a gate may not.
    """
    refused = InputError(f'--fail-if {text[:80]!r}: allowed are {ALLOWED}, as in "unexplained_share > 0.01"')
    if len(text) > LONGEST:
        raise refused
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise refused from None
    if not _is_condition(tree) or not all(_allowed(node) for node in ast.walk(tree)):
        raise refused
    return Gate(text.strip(), tree, tuple(sorted(_names(tree))))


def _is_condition(node: ast.expr) -> bool:
    """Whether an expression is true or false, not a number."""
    if isinstance(node, ast.BoolOp):
        return all(_is_condition(part) for part in node.values)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not) and _is_condition(node.operand)
    return isinstance(node, ast.Compare)


def _allowed(node: ast.AST) -> bool:  # noqa: PLR0911 - one a kind of node
    match node:
        case ast.Constant():
            return type(node.value) in {int, float}
        case ast.BinOp():
            return type(node.op) in BINARY
        case ast.Compare():
            return all(type(how) in COMPARED for how in node.ops)
        case ast.Call():
            named = isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
            return named and bool(node.args) and not node.keywords and (len(node.args) == 1) == (node.func.id == "abs")  # type: ignore[attr-defined]
        case ast.Attribute():
            return isinstance(node.value, ast.Name | ast.Attribute)
        case ast.UnaryOp():
            return isinstance(node.op, ast.Not | ast.USub | ast.UAdd)
    known = (ast.Name, ast.BoolOp, ast.boolop, ast.operator, ast.unaryop, ast.cmpop, ast.expr_context)
    return isinstance(node, known)


def _names(tree: ast.expr) -> set[str]:
    """Name the figures a condition looks at."""
    inner = {n.value for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    called = {n.func for n in ast.walk(tree) if isinstance(n, ast.Call)}
    whole = (n for n in ast.walk(tree) if isinstance(n, ast.Name | ast.Attribute) and n not in inner | called)
    return {_path(node) for node in whole}


def _path(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_path(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _figure(name: str, figures: Mapping[str, Any]) -> Decimal:
    """Find a figure by its path."""
    found: Any = figures
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            known = sorted(k for k, v in figures.items() if isinstance(v, int | float | str | Decimal | Mapping))
            raise InputError(f"--fail-if: the answer has no figure {name!r}; it has {listing(known, limit=20)}")
        found = found[part]
    if found is None:
        raise InputError(f"--fail-if: {name} is not known in this answer")
    try:
        value = Decimal(str(found))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise InputError(f"--fail-if: {name} is {str(found)[:40]!r}, no number")
    return value
