"""Several processes that train one network together, as torchrun starts them on one machine or more.

Each computes on its own part of every batch, and all take the same steps. The first reads and writes; the
others get from it what they need, so that it alone has to have the data, the checkpoint and the disk.
"""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

_PATIENCE = timedelta(hours=3)
"""How long the others wait for the first, which renders scenes and measures the network."""


@dataclass(frozen=True, slots=True)
class Team:
    """This process's place among `size`; alone, every method gives what it was given."""

    number: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that reads and writes."""
        return self.number == 0

    def share(self, value: Any = None) -> Any:
        """What the leading process has."""
        if self.size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]

    def share_tensor(self, tensor: Tensor) -> Tensor:
        """The leading process's numbers, in place of this one's of the same shape and type."""
        if self.size > 1:
            dist.broadcast(tensor, 0)
        return tensor

    def part(self, batch: Tensor) -> Tensor:
        """The rows of a batch that are this process's."""
        return batch[self.number :: self.size]

    def joined(self, network: nn.Module) -> nn.Module:
        """The network, its gradients averaged over all processes whenever they are computed."""
        return DistributedDataParallel(network) if self.size > 1 else network


ALONE = Team()


@contextmanager
def team(device: torch.device) -> Iterator[Team]:
    """The processes that torchrun started, or this one alone; waits until all are there."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    # What PyTorch imports by itself in the first step: its functions keep the group that they find then as a
    # default, and a thread of a group that is kept aborts the process if it is still busy when Python ends.
    importlib.import_module("torch.distributed.nn.functional")
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Team(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
