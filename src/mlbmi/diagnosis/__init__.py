"""`mlbmi doctor`: what works here, what does not, and what to do about it.

``installation`` looks at this machine and uses no network; ``catalogue`` asks one catalogue, and reads one window of one scene.
"""

from mlbmi.diagnosis.catalogue import diagnose_catalogue
from mlbmi.diagnosis.checks import Check
from mlbmi.diagnosis.installation import diagnose

__all__ = ["Check", "diagnose", "diagnose_catalogue"]
