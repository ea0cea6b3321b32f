"""What stands behind `Config`: of each setting its default, kind, unit, range, and what it is for.

A setting is one entry in `network` or `training`: `NAME = setting(default, kind, text, ...)`. All else follows from it:
the check when a Config is made (`check`), the reference page (`page`) and the JSON schema for editors (`schema`), both
written by `python -m mrcnn.settings`. What settings need of one another is in `relations`.
"""
