"""Saves figures while the next one is drawn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from mlbmi.write.page import rendered, write_png

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from matplotlib.figure import Figure

__all__ = ["Press"]


class Press:
    """A context in which figures are saved by a second thread: compression and the disk leave the interpreter free to draw.

    One figure waits at most. Leaving the context waits for it; an error of the thread is raised by the call that comes next.

    Attributes
    ----------
    written : list of Path
        Files, in order.
    """

    def __init__(self) -> None:
        self.written: list[Path] = []
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="mlbmi-figures")
        self._pending: Future[Path] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._settle()
        finally:
            self._writer.shutdown(cancel_futures=True)

    def save(self, figure: Figure, path: Path) -> None:
        """Draw a figure now, and write it as :func:`mlbmi.write.save_figure` does, soon.

        Raises
        ------
        WriteError
            If the figure before could not be written.
        """
        pixels = rendered(figure)
        self._settle()
        self._pending = self._writer.submit(write_png, pixels, path)

    def _settle(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            self.written.append(pending.result())
