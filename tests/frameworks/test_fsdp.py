"""Parameters that are sharded by torch.distributed.fsdp.fully_shard, with two processes."""

import pytest
from torch.distributed import init_device_mesh
from torch.distributed.fsdp import fully_shard

import lodo_bench
from tests.frameworks.processes import COUNT, in_processes
from tests.optimizers.lodo.test_torch_optimizer import network

pytestmark = pytest.mark.filterwarnings("ignore")


def refuse(rank):
    model = network()
    optimizer = lodo_bench.LODO(network().parameters())
    fully_shard(model, mesh=init_device_mesh("cpu", (COUNT,)))
    with pytest.raises(ValueError, match=r"a parameter of shape \(5, 3\) is a DTensor: LODO does not support sharded"):
        lodo_bench.LODO(model.parameters())
    with pytest.raises(ValueError, match=r"DTensor: .* Use DistributedDataParallel"):
        optimizer.add_param_group({"params": model.parameters()})


def test_they_are_refused_at_once():
    in_processes(refuse)
