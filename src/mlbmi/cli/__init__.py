"""The command line: arguments in, exit code out. What is shown is drawn in :mod:`mlbmi.terminal`.

Results go to stdout, log and progress to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 nothing found,
4 finished, but some acquisitions failed and are listed in ``acquisitions.csv``; 130 stopped by Ctrl-C.
"""

# In the order in which `mlbmi --help` lists their commands.
# isort: off
from mlbmi.cli import making
from mlbmi.cli import notebook
from mlbmi.cli import catalogue
from mlbmi.cli import checking

# isort: on
from mlbmi.cli.root import app, main

__all__ = ["app", "catalogue", "checking", "main", "making", "notebook"]
