"""Data in and results out, around the engine in `mrcnn`: the shapes data, COCO data sets, evaluation, result files."""
