"""How the kernels are compiled: lazily, once, kept on disk where that is possible, and never assuming that there is no NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["REORDER", "kernel", "read_only"]

F = TypeVar("F", bound="Callable[..., object]")
A = TypeVar("A", bound="NDArray[np.generic]")

REORDER = frozenset({"reassoc", "contract", "arcp", "nsz"})
"""LLVM's fast-math flags without ``nnan`` and ``ninf``: sums may be vectorised, and a NaN is still a NaN (``fastmath=True``
counts the NaN in ``[1, nan, 3]`` as a number)."""


def kernel(*, reorder: bool = False, inline: bool = False) -> Callable[[F], F]:
    """Compile a function that releases the GIL, with the machine code kept on disk.

    Numba keeps it where ``NUMBA_CACHE_DIR`` says, else beside the source, else (package installed read-only) in the user's cache
    folder. Where none can be written, Numba refuses to compile at all; then the function is compiled anew in each process.

    Parameters
    ----------
    reorder : bool
        Allow sums in another order (:data:`REORDER`). Not for arithmetic with error terms.
    inline : bool
        Paste the function into its callers.
    """

    def compiled(function: F) -> F:
        options: dict[str, Any] = {
            "nogil": True,
            "error_model": "numpy",
            "fastmath": set(REORDER) if reorder else False,
            "inline": "always" if inline else "never",
        }
        # What is kept refers to its module by name; under another name (pytest's ``src.mlbmi…``) no one would find it again.
        kept = function.__module__.startswith("mlbmi.")
        try:
            return cast("F", numba.njit(function, cache=kept, **options))
        except RuntimeError:  # "no locator available": no folder for the cache
            return cast("F", numba.njit(function, **options))

    return compiled


def read_only(array: A) -> A:
    """Return a read-only view: Numba compiles for writeable and read-only arrays apart, and inputs may be either.

    Examples
    --------
    >>> import numpy as np
    >>> read_only(np.zeros(2)).flags.writeable
    False
    """
    view = array.view()
    view.flags.writeable = False
    return view
