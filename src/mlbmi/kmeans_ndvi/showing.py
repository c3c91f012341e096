"""Show a figure where the work is done: in a notebook as an image, elsewhere in matplotlib's own window."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["show"]

_NO_SCREEN = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}


def show(figure: Figure) -> Figure:
    """Show a figure now, once.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    matplotlib.figure.Figure
        The same. A notebook whose cell ends with it does not draw it a second time.
    """
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        _display(figure)
        # IPython asks an object for this name before it draws it.
        vars(figure)["_ipython_display_"] = lambda: None
    else:
        _open_window(figure)
    return figure


def _display(figure: Figure) -> None:
    from io import BytesIO

    from IPython.display import Image, display

    file = BytesIO()
    figure.savefig(file, format="png", dpi=100)
    display(Image(file.getvalue()))  # type: ignore[no-untyped-call]


def _open_window(figure: Figure) -> None:
    """Open a window of pyplot with the figure's pixels; where there is no screen, there is nothing to show it on."""
    from matplotlib import pyplot as plt

    from mlbmi.write import rendered

    if plt.get_backend().lower() in _NO_SCREEN:
        return
    window = plt.figure(figsize=tuple(figure.get_size_inches()), dpi=100)
    axes = window.add_axes((0, 0, 1, 1))
    axes.imshow(rendered(figure))
    axes.set_axis_off()
    plt.show()
