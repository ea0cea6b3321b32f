"""A trained run as a web service: a picture in, its objects as COCO JSON or drawn on it."""
