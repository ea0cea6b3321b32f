"""Labels of other tools to COCO and back: `convert("export.json", "mine/annotations.json", images="mine/images")`."""

from mrcnn_ext.convert.account import Account
from mrcnn_ext.convert.builder import Builder, Options
from mrcnn_ext.convert.conversion import convert
from mrcnn_ext.convert.registry import FORMATS, detect, read

__all__ = ["FORMATS", "Account", "Builder", "Options", "convert", "detect", "read"]
