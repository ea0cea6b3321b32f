"""Writes the small files of this folder with PyTorch: python make.py (made with torch 2.14.1, numpy 2.4.6).

`expected.npz` holds what is in each of them, by the same names; brain floats as float32.
"""

from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent


class Net(torch.nn.Module):
    """A convolution, a batch norm and a dense layer."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, 3, 2)
        self.norm = torch.nn.BatchNorm2d(3)
        self.dense = torch.nn.Linear(3, 2)


def state():
    """Tensors of all kinds that files of weights have."""
    torch.manual_seed(1)
    base = torch.arange(12, dtype=torch.float32) / 8
    return Net().state_dict() | {
        "transposed": base.reshape(3, 4).t(),
        "slice": base[5:9],  # of the same storage
        "half": base.half(),
        "brain": (base / 3).bfloat16(),
        "double": base.double(),
        "flags": torch.tensor([True, False, True]),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.tensor([1.5, -2.0])),
        "number": torch.tensor(7),
    }


def main():
    """All files."""
    tensors = state()
    torch.save(tensors, HERE / "zip.pth")
    torch.save(tensors, HERE / "legacy.pth", _use_new_zipfile_serialization=False)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net.dense(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    net.load_state_dict({name: tensors[name] for name in net.state_dict()})
    torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, HERE / "checkpoint.pth")
    torch.save(net, HERE / "whole_model.pth")
    np.savez(HERE / "expected.npz", **{name: tensor.detach().float().numpy() for name, tensor in tensors.items()})


if __name__ == "__main__":
    main()
