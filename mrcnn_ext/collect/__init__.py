"""Images from the web: a CSV of addresses in, checked files and a manifest out.

Only collect what you may use: keep the licence and the source of each file, give the credit that the licence asks for,
and do not pass images on whose licence does not allow it. Search engines show other people's work, and scraping them
breaks their terms.
"""

from mrcnn_ext.collect.run import Rules, collect_images
from mrcnn_ext.collect.search import search

__all__ = ["Rules", "collect_images", "search"]
