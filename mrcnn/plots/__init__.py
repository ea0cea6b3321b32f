"""Images: what `mrcnn.visualize` and the notebooks draw.  Matplotlib, OpenCV and numpy only; no network code."""
