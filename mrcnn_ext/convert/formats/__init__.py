"""The formats: one module each, see `mrcnn_ext.convert.registry`."""
