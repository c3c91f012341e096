"""Show a figure where the work is done: in a notebook as an image, elsewhere in matplotlib's own window."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["show", "show_pixels"]

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
    from mlbmi.write import rendered

    show_pixels(rendered(figure))


def show_pixels(*images: NDArray[np.uint8] | NDArray[np.floating[Any]]) -> bool:
    """Open a window of pyplot for each image, and wait until they are closed.

    Returns
    -------
    bool
        False where there is no screen to show them on.
    """
    from matplotlib import pyplot as plt

    if plt.get_backend().lower() in _NO_SCREEN:
        return False
    for image in images:
        height, width = image.shape[:2]
        window = plt.figure(figsize=(width / 150, height / 150))
        axes = window.add_axes((0, 0, 1, 1))
        axes.imshow(image)
        axes.set_axis_off()
    plt.show()
    return True
