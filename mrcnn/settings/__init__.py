"""What stands behind `Config`: of each setting its default, kind, unit, range, and what it is for.

A setting is one entry in `network` or `training`: `NAME = setting(default, kind, text, ...)`. All else follows from it:
the check when a Config is made (`check`), and the reference page and the JSON schema for editors, both written by
`python -m mrcnn.reference`. What settings need of one another is in `relations`.
"""
