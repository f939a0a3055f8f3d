import pytest
import torch

from lodo_bench.tasks.networks.compute import _tf32


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_switched_and_restored_without_a_warning(allowed):
    before = switches()
    with pytest.raises(ZeroDivisionError), _tf32(allowed):
        assert switches() == ([allowed] * 2 if isinstance(before[0], bool) else ["tf32" if allowed else "ieee"] * 2)
        raise ZeroDivisionError
    assert switches() == before


def switches():
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    if hasattr(matmul, "fp32_precision"):
        return [matmul.fp32_precision, cudnn.conv.fp32_precision]
    return [matmul.allow_tf32, cudnn.allow_tf32]
