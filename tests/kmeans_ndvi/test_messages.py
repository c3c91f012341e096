"""Messages: their form, and that they go through logging."""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys

import pytest

from mlbmi import debug_message, info_message, warning_message
from mlbmi.utils import info_message as by_its_old_place


def _script(tmp_path, text):
    (tmp_path / "script.py").write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


def test_form_where_nobody_set_up_logging(tmp_path):
    shown = _script(
        tmp_path,
        "from mlbmi import debug_message, info_message, warning_message\n"
        "def go():\n"
        "    info_message('Computing')\n"
        "    warning_message('It\\'s wet')\n"
        "    debug_message('hidden')\n"
        "go()\n",
    )
    assert shown == (
        "INFO | script.py:3 in go()\n"
        "       message: 'Computing'\n"
        "WARNING | script.py:4 in go()\n"
        '          message: "It\'s wet"\n'
    )


def test_who_set_up_logging_decides(tmp_path):
    shown = _script(
        tmp_path,
        "import logging\nfrom mlbmi import debug_message\nlogging.basicConfig(format='%(name)s %(message)s', level='DEBUG')\n"
        "debug_message('detail')\n",
    )
    assert "mlbmi.notebook 'detail'\n" in shown
    assert "|" not in shown


@pytest.mark.parametrize(("message", "level"), [(info_message, "INFO"), (warning_message, "WARNING"), (debug_message, "DEBUG")])
def test_the_place_is_the_callers(caplog, message, level):
    caplog.set_level(logging.DEBUG, logger="mlbmi.notebook")
    message({"a": 1})
    line = inspect.currentframe().f_lineno - 1
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (level, "{'a': 1}")
    assert (record.filename, record.lineno, record.funcName) == ("test_messages.py", line, "test_the_place_is_the_callers")


def test_the_old_place_has_them_too():
    assert by_its_old_place is info_message
