"""A trained run as a web service: an image in, its objects as COCO JSON or drawn on it."""
