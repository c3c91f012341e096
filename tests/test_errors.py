"""The error tree: exit codes, and one line each."""

from __future__ import annotations

import inspect

import pytest

from mlbmi import errors

CODES = {"InputError": 2, "AOIError": 2, "ConfigError": 2, "PaymentError": 2, "NothingFoundError": 3}


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name.endswith("Error")])
def test_exit_codes_follow_the_contract(name):
    assert getattr(errors, name).exit_code == CODES.get(name, 1)


def test_tree_in_the_docstring_is_the_tree():
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value) and value.__module__ == errors.__name__}
    assert defined == set(errors.__all__)
    assert all(name in errors.__doc__ for name in defined)


def test_remedy_follows_the_message_as_one_line():
    assert str(errors.ReadError("x is broken.", remedy="Mend it.")) == "x is broken. Mend it."
    assert str(errors.ReadError("x is broken")) == "x is broken"
