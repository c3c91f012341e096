"""What a user may write for a tile, a satellite or a processing baseline, and the one spelling of each."""

from __future__ import annotations

import re

from mlbmi.errors import ConfigError
from mlbmi.sentinel2 import baseline_number, is_tile

__all__ = ["baseline_name", "platform_name", "tile_name"]


def tile_name(given: str) -> str:
    """Return a tile as :attr:`mlbmi.types.Scene.tile` spells it.

    Raises
    ------
    ConfigError
        If it is not the name of an MGRS tile.

    Examples
    --------
    >>> tile_name("T33uuu"), tile_name("MGRS-5QKB")
    ('33UUU', '05QKB')
    """
    tile = given.strip().upper().removeprefix("MGRS-").removeprefix("T").zfill(5)
    if not is_tile(tile):
        raise ConfigError(f"tile {given!r} is not one of the MGRS grid", remedy="Give tiles such as '33UUU'.")
    return tile


def platform_name(given: str) -> str:
    """Return a satellite as :attr:`mlbmi.types.Scene.platform` spells it.

    Raises
    ------
    ConfigError
        If it is none of Sentinel-2.

    Examples
    --------
    >>> platform_name("S2A"), platform_name("Sentinel-2b")
    ('sentinel-2a', 'sentinel-2b')
    """
    match = re.fullmatch(r"(?:sentinel[-_ ]?|s)?2([a-d])", given.strip().lower())
    if match is None:
        raise ConfigError(f"platform {given!r} is not a satellite of Sentinel-2", remedy="Give sentinel-2a, -2b, -2c or -2d.")
    return f"sentinel-2{match[1]}"


def baseline_name(given: str) -> str:
    """Return a processing baseline as :attr:`mlbmi.types.Scene.baseline` spells it.

    Raises
    ------
    ConfigError
        If it is none. Both digits of the minor number are needed: 5.1 could mean 05.01 or 05.10.

    Examples
    --------
    >>> baseline_name("N0400"), baseline_name("5.10")
    ('04.00', '05.10')
    """
    text = given.strip().upper()
    numbers = baseline_number(f"0{text}" if re.fullmatch(r"\d\.\d\d", text) else text)
    if numbers is None:
        raise ConfigError(f"baseline {given!r} is not a processing baseline", remedy="Give one such as '04.00'.")
    return f"{numbers[0]:02d}.{numbers[1]:02d}"
