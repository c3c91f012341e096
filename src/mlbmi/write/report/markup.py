"""HTML out of values: every text is escaped, since ids, reasons and names come from catalogues and files of others."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlbmi.write.hygiene import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Child", "Markup", "details", "element", "join", "table"]


@dataclass(frozen=True, slots=True)
class Markup:
    """Text that is HTML already."""

    html: str


_VOID = frozenset({"img", "meta"})
"""Elements without an end."""

Child = Markup | str | None
"""What an element may hold: HTML, plain text, or nothing."""


def element(tag: str, *children: Child, **attributes: str) -> Markup:
    """Return an element; a trailing underscore of an attribute's name is taken off (``class_``).

    Examples
    --------
    >>> element("p", "3 < 4", class_="note").html
    '<p class="note">3 &lt; 4</p>'
    """
    stated = "".join(f' {name.rstrip("_")}="{html.escape(_shown(value))}"' for name, value in attributes.items())
    if tag in _VOID:
        return Markup(f"<{tag}{stated}>")
    return Markup(f"<{tag}{stated}>{join(children).html}</{tag}>")


def join(children: Iterable[Child]) -> Markup:
    """Return children one after another; text among them is escaped, and addresses in it lose what may be secret."""
    return Markup(
        "".join(
            child.html if isinstance(child, Markup) else html.escape(_shown(child)) for child in children if child is not None
        )
    )


def _shown(text: str) -> str:
    return text if text.startswith("data:") else scrub(text)


def table(header: Sequence[Child], rows: Iterable[Sequence[Child]], *, numbers: Iterable[int] = ()) -> Markup:
    """Return a table.

    Parameters
    ----------
    header : sequence
        Its column names.
    rows : iterable of sequences
        A cell is a text or Markup; None leaves it empty.
    numbers : iterable of int
        Columns that are set flush right.
    """
    right = set(numbers)

    def row(tag: str, cells: Sequence[Child]) -> Markup:
        return element(
            "tr",
            *(element(tag, cell, **({"class_": "n"} if place in right else {})) for place, cell in enumerate(cells)),
        )

    body = element("tbody", *(row("td", cells) for cells in rows))
    return element("div", element("table", element("thead", row("th", header)), body), class_="wide")


def details(summary: str, *children: Child) -> Markup:
    """Return a part that is folded until it is asked for."""
    return element("details", element("summary", summary), *children)
