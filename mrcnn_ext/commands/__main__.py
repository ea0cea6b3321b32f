"""`python -m mrcnn_ext`: the same as the command `mrcnn`."""

from mrcnn_ext.commands.cli import main

main()
