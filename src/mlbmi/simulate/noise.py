"""Noise as a pure function of ground coordinates: the same seed gives the same value at a place, whatever window asks.

Gradient noise after Perlin (2002, "Improving noise", ACM TOG 21:681), summed over octaves as fractional Brownian motion. The
lattice is hashed with integers instead of a permutation table, so that the ground has no period and no edge.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["fbm", "gradient_noise", "hash01", "normal01"]

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_UNIT = 1 / 0.2157  # one octave of gradient noise with unit gradients has this standard deviation: measured over 12 M points
_TURN = 0.6435  # radians: octaves are turned against one another, so that no direction of the lattice shows through


def hash01(ix: NDArray[np.integer], iy: NDArray[np.integer] | int, seed: int) -> Float32:
    """Hash integer coordinates to uniform numbers in [0, 1).

    Parameters
    ----------
    ix, iy : ndarray of int
        Coordinates, of shapes that broadcast; taken modulo 2³².
    seed : int
        Numbers for different seeds are unrelated.

    Returns
    -------
    ndarray of float32

    Examples
    --------
    >>> bool(hash01(np.arange(3), 7, 1)[2] == hash01(np.array([2]), 7, 1)[0])
    True
    """
    mixed = np.asarray(ix).astype(np.uint32) * np.uint32(0x9E3779B1)
    mixed = mixed ^ (np.asarray(iy).astype(np.uint32) * np.uint32(0x85EBCA77))
    mixed = _scramble(mixed ^ _scramble(np.array([seed & 0xFFFFFFFF], dtype=np.uint32))[0])
    return ((mixed >> np.uint32(8)).astype(np.float32)) * np.float32(2.0**-24)


def _scramble(value: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Let every bit of a number depend on every other (xor-shift-multiply, as in MurmurHash3's finaliser)."""
    value = (value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    value = (value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return np.asarray(value ^ (value >> np.uint32(16)))


def normal01(ix: NDArray[np.integer], iy: NDArray[np.integer] | int, seed: int) -> Float32:
    """Hash integer coordinates to numbers that are normal to within a per cent, within ±3.5 (a sum of four uniforms)."""
    total = sum(hash01(ix, iy, seed * 4 + part) for part in range(4))
    return np.asarray((total - 2.0) * np.sqrt(3.0), dtype=np.float32)


def gradient_noise(x: Float64, y: Float64, seed: int) -> Float32:
    """Return one octave of gradient noise of unit wavelength: mean 0, standard deviation about 1.

    Parameters
    ----------
    x, y : ndarray of float64, shape (rows, columns)
    seed : int
    """
    total = np.zeros(x.shape, dtype=np.float32)
    _add_gradient_noise(total, x, y, scale=1.0, turn=0.0, weight=_UNIT, seed=seed)
    return total


def _add_gradient_noise(total: Float32, x: Float64, y: Float64, *, scale: float, turn: float, weight: float, seed: int) -> None:
    """Add noise of a wavelength of 1 / ``scale``, turned by an angle in radians, to an array."""
    bounds, add = _kernels()
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    left, top, right, bottom = bounds(x, y, cos, sin)
    gx, gy = _gradients(left, top, right - left + 2, bottom - top + 2, seed)
    add(total, x, y, cos, sin, np.float32(weight), left, top, gx, gy)


@lru_cache(maxsize=1)
def _kernels() -> tuple[Any, Any]:
    """Compile the loops once; they release the lock that keeps Python's threads apart."""
    import numba

    compile_ = numba.njit(nogil=True, cache=True)
    return compile_(_lattice_bounds), compile_(_add_octave)


def _lattice_bounds(x: Float64, y: Float64, cos: float, sin: float) -> tuple[int, int, int, int]:
    """Return the first and last lattice column and row that the turned coordinates fall into."""
    left, right = math.inf, -math.inf
    top, bottom = math.inf, -math.inf
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            u = x[row, column] * cos - y[row, column] * sin
            v = x[row, column] * sin + y[row, column] * cos
            left, right = min(left, u), max(right, u)
            top, bottom = min(top, v), max(bottom, v)
    return math.floor(left), math.floor(top), math.floor(right), math.floor(bottom)


def _add_octave(  # noqa: PLR0917 -- compiled code takes no keywords
    total: Float32,
    x: Float64,
    y: Float64,
    cos: float,
    sin: float,
    weight: np.float32,
    left: int,
    top: int,
    gx: Float32,
    gy: Float32,
) -> None:
    """Add the weighted noise of each point, between the gradients of its lattice cell's four corners."""
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            u = x[row, column] * cos - y[row, column] * sin
            v = x[row, column] * sin + y[row, column] * cos
            i, j = math.floor(u), math.floor(v)
            fu, fv = u - i, v - j
            i, j = i - left, j - top
            # Perlin's quintic, whose first and second derivatives vanish at 0 and 1
            su = fu * fu * fu * (fu * (fu * 6 - 15) + 10)
            sv = fv * fv * fv * (fv * (fv * 6 - 15) + 10)
            upper_left = gx[j, i] * fu + gy[j, i] * fv
            upper_right = gx[j, i + 1] * (fu - 1) + gy[j, i + 1] * fv
            lower_left = gx[j + 1, i] * fu + gy[j + 1, i] * (fv - 1)
            lower_right = gx[j + 1, i + 1] * (fu - 1) + gy[j + 1, i + 1] * (fv - 1)
            upper = upper_left + su * (upper_right - upper_left)
            lower = lower_left + su * (lower_right - lower_left)
            total[row, column] += weight * (upper + sv * (lower - upper))


def _gradients(left: int, top: int, columns: int, rows: int, seed: int) -> tuple[Float32, Float32]:
    ix, iy = np.meshgrid(np.arange(left, left + columns), np.arange(top, top + rows))
    angle = hash01(ix, iy, seed) * np.float32(2 * np.pi)
    return np.cos(angle), np.sin(angle)


def fbm(x: Float64, y: Float64, *, wavelength: float, octaves: int, seed: int, gain: float = 0.5) -> Float32:
    """Sum octaves of gradient noise, each of half the wavelength and ``gain`` times the amplitude of the one before.

    Parameters
    ----------
    x, y : ndarray of float64
        Ground coordinates in metres, of one two-dimensional shape.
    wavelength : float
        Of the first octave, in metres.
    octaves : int
    seed : int
    gain : float
        0.5 gives natural outlines; less is smoother.

    Returns
    -------
    ndarray of float32
        Mean 0, standard deviation about 1 over many wavelengths.
    """
    power = sum(gain ** (2 * octave) for octave in range(octaves))
    total = np.zeros(x.shape, dtype=np.float32)
    for octave in range(octaves):
        weight = _UNIT * gain**octave / power**0.5
        _add_gradient_noise(
            total, x, y, scale=2**octave / wavelength, turn=_TURN * octave, weight=weight, seed=seed * 64 + octave
        )
    return total
