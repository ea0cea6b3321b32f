"""The sub-commands of `mrcnn`: one file each, a thin face of functions in `mrcnn_ext`."""
