"""Where settings come from: command line, TOML file and environment become one :class:`mlbmi.config.RunConfig`.

Precedence, highest first: what is given on the command line or in Python; the TOML file; environment variables named ``MLBMI_``
and the setting in capitals (``MLBMI_CATALOG``); the same names in a ``.env`` file of the working folder; the defaults. The
default catalogue is what ``STAC_API_URL`` names, there or in that file, if it is set.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mlbmi.access import adopt
from mlbmi.config import RunConfig
from mlbmi.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["adopt_credentials", "default_catalog", "load_config"]

_PREFIX = "MLBMI_"
_CATALOG_VARIABLE = "STAC_API_URL"
_LISTS = ("index", "mode", "tile", "platform", "scl_keep", "k_range", "bands", "quantile_range", "match")


def load_config(
    given: Mapping[str, Any],
    *,
    toml: Path | None = None,
    environment: Mapping[str, str] | None = None,
    dotenv: Path | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> RunConfig:
    """Merge settings by precedence and validate them.

    Parameters
    ----------
    given : mapping
        Settings from the command line or from Python; a value of None counts as not given.
    toml : Path, optional
        Settings file: the names of :class:`RunConfig` as top-level keys, or under ``[mlbmi]``.
    environment : mapping, optional
        Environment variables; those of the process by default.
    dotenv : Path, optional
        A ``.env`` file, which must be there; by default ``.env`` in the working folder, which need not.
    defaults : mapping, optional
        Settings that give way to all of these.

    Raises
    ------
    ConfigError
        If a file is missing or not TOML, a name is unknown, or a value breaks its rule.

    Examples
    --------
    >>> load_config(
    ...     {"aoi": "a.geojson", "start": "2020-01-01", "end": "2020-02-01", "index": None},
    ...     environment={"MLBMI_N_CLUSTERS": "7"},
    ... ).n_clusters
    7
    """
    sources = (
        _from_environment(_dotenv(dotenv)),
        _from_environment(os.environ if environment is None else environment),
        _from_toml(toml),
        {name: value for name, value in given.items() if value is not None},
    )
    merged: dict[str, Any] = {}
    for source in sources:
        merged = _over(merged, source)
    merged.setdefault("catalog", default_catalog(environment=environment, dotenv=dotenv))
    try:
        return RunConfig(**_over(dict(defaults or {}), merged))
    except ValidationError as error:
        raise ConfigError(_explain(error)) from error


def _over(lower: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    """Lay settings over others. A first day and days back say the same thing: the higher one makes the lower one void."""
    void = {"days_back": ("start",), "start": ("days_back",)}
    dropped = {name for given in higher for name in void.get(given, ())}
    return {name: value for name, value in lower.items() if name not in dropped} | dict(higher)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in RunConfig.model_fields:
        text = environment.get(_PREFIX + name.upper())
        if text:
            found[name] = tuple(text.replace(",", " ").split()) if name in _LISTS else text
    return found


def default_catalog(*, environment: Mapping[str, str] | None = None, dotenv: Path | None = None) -> str:
    """Return the catalogue that is searched where none is named: that of ``STAC_API_URL``, else Earth Search.

    Parameters
    ----------
    environment, dotenv
        As for :func:`load_config`; the environment goes before the file.

    Examples
    --------
    >>> default_catalog(environment={"STAC_API_URL": "https://stac.example.com/v1"})
    'https://stac.example.com/v1'
    """
    given = (os.environ if environment is None else environment).get(_CATALOG_VARIABLE)
    return given or _dotenv(dotenv).get(_CATALOG_VARIABLE) or str(RunConfig.model_fields["catalog"].default)


def adopt_credentials(dotenv: Path | None = None) -> tuple[str, ...]:
    """Put keys and tokens of a ``.env`` file into the environment of this process, where it has none of that name.

    Only the variables of :data:`mlbmi.access.VARIABLES`. They become part of no setting. Commands call it; from Python it is for
    the caller to do.

    Parameters
    ----------
    dotenv
        As for :func:`load_config`.

    Returns
    -------
    tuple of str
        Names of the variables that were taken over.

    Raises
    ------
    ConfigError
        If the file is missing.
    """
    return adopt(_dotenv(dotenv))


def _dotenv(path: Path | None) -> dict[str, str]:
    if path is not None and not path.is_file():
        raise ConfigError(f"there is no environment file {str(path)!r}", remedy="Check the path.")
    file = path or Path(".env")
    if not file.is_file():
        return {}
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(file).items() if value}


def _from_toml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"settings file {str(path)!r} cannot be read: {error}") from error
    table = settings.get("mlbmi", settings)
    if not isinstance(table, dict):
        raise ConfigError(f"settings file {str(path)!r}: 'mlbmi' must be a table, not {table!r}")
    return {name.replace("-", "_"): tuple(value) if isinstance(value, list) else value for name, value in table.items()}


def _explain(error: ValidationError) -> str:
    problems = error.errors()
    # A list without the items that are wrong in it is also too short: that is no second mistake.
    told = [problem for problem in problems if problem["type"] != "too_short"] or problems
    return "; ".join(_explain_one(dict(problem)) for problem in told)


def _explain_one(problem: Mapping[str, Any]) -> str:
    where = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "missing":
        return f"{where!r} is required and was not given"
    if problem["type"] == "extra_forbidden":
        close = difflib.get_close_matches(where, RunConfig.model_fields, n=1)
        return f"there is no setting {where!r}" + (f"; is {close[0]!r} meant?" if close else "")
    text = problem["msg"].removeprefix("Value error, ")
    return f"{where} = {problem['input']!r}: {text}" if where else text
