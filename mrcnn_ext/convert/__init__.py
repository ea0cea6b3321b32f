"""Labels of other tools to COCO and back.

convert_labels("export.json", "mine/annotations.json", images="mine/images")
"""

from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.conversion import convert_labels
from mrcnn_ext.convert.registry import FORMATS, detect, read

__all__ = ["FORMATS", "Account", "Builder", "Options", "convert_labels", "detect", "read"]
