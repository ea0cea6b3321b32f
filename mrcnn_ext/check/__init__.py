"""Checks of a data set before any training: `check_data(DATA)` gives a Report, `fix_data(DATA, OUT)` a repaired copy.

Nothing here changes the data set that is looked at.
"""

from mrcnn_ext.check.findings import CODES, Finding, Report
from mrcnn_ext.check.repair import fix_data
from mrcnn_ext.check.run import check_data

__all__ = ["CODES", "Finding", "Report", "check_data", "fix_data"]
