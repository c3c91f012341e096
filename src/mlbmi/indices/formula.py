"""Formulas given as text: parsed into a tree of known operations, never run as code.

What is undefined stays undefined on the way: a quotient by 0 or the root of a negative number is NaN at once, so that no later
step can turn its infinity into an innocent number, as ``1 / (a / 0)`` would into 0.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]
    Node = Callable[[Mapping[str, Values]], Any]
    """Computes a part of a formula from the values of its names."""

__all__ = ["Formula", "parse", "scale_for"]

_LONGEST = 1000
"""Characters: more than twice the longest formula of the catalogue, and too few to exhaust Python's parser."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula.

    Attributes
    ----------
    text : str
        As given.
    names : tuple of str
        Names in it, in the order in which they first appear: the order of the arguments.
    normalised : bool
        Whether it is ``(a - b) / (a + b)`` of two names, whose range is −1 to 1 for what is not negative.
    """

    text: str
    names: tuple[str, ...]
    normalised: bool
    _root: Node

    def __call__(self, *values: Values) -> Values:
        """Compute it from an array for each name; in the type of the first one, NaN where undefined."""
        dtype = values[0].dtype
        with np.errstate(all="ignore"):
            result = self._root(dict(zip(self.names, values, strict=True)))
        return np.broadcast_to(np.asarray(result, dtype=dtype), values[0].shape)


def _quotient(a: Any, b: Any) -> Any:
    return _finite(np.divide(a, b))


def _power(a: Any, b: Any) -> Any:
    return _finite(np.power(a, b))


def _finite(values: Any) -> Any:
    return np.where(np.isfinite(values), values, values.dtype.type(np.nan))


_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = MappingProxyType(
    {ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: _quotient, ast.Pow: _power}
)

_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {"sqrt": np.sqrt, "exp": np.exp, "log": np.log, "tanh": np.tanh, "abs": np.abs}
)


def parse(text: str, names: Collection[str], constants: Mapping[str, float] = MappingProxyType({})) -> Formula:
    """Parse the text of a formula.

    Parameters
    ----------
    text : str
        Numbers, names, ``+ - * / **``, brackets, and the functions sqrt, exp, log, tanh and abs; in Python's notation.
    names : collection of str
        Names that stand for arrays.
    constants : mapping of str to float
        Names that stand for numbers.

    Returns
    -------
    Formula

    Raises
    ------
    InputError
        If it is no such formula: says what in it is not allowed. Nothing of it is ever run as code.

    Examples
    --------
    >>> formula = parse("(N - R) / (N + R)", {"N", "R"})
    >>> formula(np.array([0.4, 0.0]), np.array([0.1, 0.0])).round(6).tolist()
    [0.6, nan]
    >>> parse("__import__('os').system('true')", {"N"})
    Traceback (most recent call last):
    mlbmi.errors.InputError: formula "__import__('os').system('true')" holds ... not allowed...
    """
    if len(text) > _LONGEST:
        raise InputError(f"a formula of {len(text)} characters is not read; at most {_LONGEST} are")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"formula {text!r} cannot be understood: {type(error).__name__}") from error
    builder = _Builder(text, frozenset(names), constants)
    root = builder.build(tree)
    if not builder.found:
        raise InputError(f"formula {text!r} holds no band; its value would be the same everywhere")
    return Formula(text, tuple(builder.found), _is_normalised_difference(tree, builder.found), root)


class _Builder:
    """Turns the syntax tree into functions, node by node; what is not known here is refused."""

    def __init__(self, text: str, names: frozenset[str], constants: Mapping[str, float]) -> None:
        self._text = text
        self._names = names
        self._constants = constants
        self.found: dict[str, None] = {}

    def build(self, node: ast.expr) -> Node:
        if isinstance(node, ast.Constant):
            return self._number(node.value)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
            operation, left, right = _OPERATIONS[type(node.op)], self.build(node.left), self.build(node.right)
            return lambda values: operation(left(values), right(values))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            inner = self.build(node.operand)
            return inner if isinstance(node.op, ast.UAdd) else lambda values: np.negative(inner(values))
        if isinstance(node, ast.Call):
            return self._call(node)
        raise self._refused(node)

    def _number(self, value: object) -> Node:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e30:
            raise InputError(f"formula {self._text!r} holds {str(value)[:20]!r}, which is not a number that is allowed there")
        number = float(value)
        return lambda values: _of_type(number, values)

    def _name(self, name: str) -> Node:
        if name in self._constants:
            return self._number(self._constants[name])
        if name not in self._names:
            known = ", ".join(sorted(self._names | set(self._constants)))
            raise InputError(f"formula {self._text!r} holds the name {name!r}, which is not allowed there; names are {known}")
        self.found[name] = None
        return lambda values: values[name]

    def _call(self, node: ast.Call) -> Node:
        if not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS or len(node.args) != 1 or node.keywords:
            raise self._refused(node)
        function, inner = _FUNCTIONS[node.func.id], self.build(node.args[0])
        return lambda values: _finite(function(inner(values)))

    def _refused(self, node: ast.AST) -> InputError:
        what = ast.unparse(node)[:40]
        return InputError(
            f"formula {self._text!r} holds {what!r} ({type(node).__name__}), which is not allowed there",
            remedy=f"Numbers, names, + - * / **, brackets, and {', '.join(_FUNCTIONS)} are.",
        )


def _of_type(number: float, values: Mapping[str, Values]) -> Any:
    """Return a number in the type of the arrays: NumPy 1 and 2 then compute in that type throughout."""
    return next(iter(values.values())).dtype.type(number)


def _is_normalised_difference(node: ast.expr, names: Collection[str]) -> bool:
    """Say whether a syntax tree is (a − b) / (a + b), or (a − b) / (b + a), of two different names."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and len(names) == 2):
        return False
    top, bottom = node.left, node.right
    pairs = [
        (side.left.id, side.right.id)
        for side, sign in ((top, ast.Sub), (bottom, ast.Add))
        if isinstance(side, ast.BinOp)
        and isinstance(side.op, sign)
        and isinstance(side.left, ast.Name)
        and isinstance(side.right, ast.Name)
    ]
    return len(pairs) == 2 and set(pairs[0]) == set(pairs[1]) == set(names)


def scale_for(largest: float) -> float:
    """Return the value of an int16 step with which numbers up to ``largest`` can be stored: a power of ten, 0.0001 at least.

    Examples
    --------
    >>> scale_for(1.0), scale_for(30.0), scale_for(120000.0)
    (0.0001, 0.001, 10.0)
    """
    return 10.0 ** max(-4, math.ceil(math.log10(max(largest, 1e-9) / 32767)))
