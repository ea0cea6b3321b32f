"""Checks of a data set before any training: `check(DATA)` gives a Report, `fix(DATA, OUT)` a repaired copy.

Nothing here changes the data set that is looked at.
"""

from mrcnn_ext.check.findings import CODES, Finding, Report
from mrcnn_ext.check.repair import fix
from mrcnn_ext.check.run import check

__all__ = ["CODES", "Finding", "Report", "check", "fix"]
