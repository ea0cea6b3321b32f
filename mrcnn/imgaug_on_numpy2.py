"""Lets imgaug 0.4, which the samples of the old package augment with, be imported beside NumPy 2.

It looks up `numpy.sctypes`, which NumPy 2 no longer has, when it is imported, and nothing else that is gone. `mrcnn`
imports this, so code has to `import mrcnn` before imgaug; NumPy is changed only when imgaug is being imported.
"""

import sys  # and no more: every import of mrcnn waits for this file


class BeforeImgaug:
    """A finder of modules that finds none; it only notices the first import of imgaug."""

    def find_spec(self, fullname, path, target=None):
        if fullname == "imgaug":
            sys.meta_path.remove(self)
            put_back_sctypes()


def put_back_sctypes():
    import numpy as np

    if not hasattr(np, "sctypes"):
        np.sctypes = {  # noqa: NPY201 (what is put back)
            "int": [np.int8, np.int16, np.int32, np.int64],
            "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
            "float": [np.float16, np.float32, np.float64, np.longdouble],
            "complex": [np.complex64, np.complex128, np.clongdouble],
            "others": [bool, object, bytes, str, np.void],
        }


sys.meta_path.insert(0, BeforeImgaug())
