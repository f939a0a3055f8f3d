"""Where layers lie in a flat vector."""

import torch

from lodo_bench.tasks.networks import pixel_cnn, resnet
from lodo_bench.tasks.networks.layout import Layer, Layout

SMALL = Layout([Layer("first", ((2, 3), (2,)), fan_in=3), Layer("second", ((4,),), fan_in=1)])


def test_views_share_the_memory_of_the_vector_in_the_order_of_the_layers():
    flat = torch.arange(12.0)
    views = SMALL.views(flat)
    assert [view.tolist() for view in views] == [[[0, 1, 2], [3, 4, 5]], [6, 7], [8, 9, 10, 11]]
    assert [view.data_ptr() - flat.data_ptr() for view in views] == [0, 24, 32]
    flat[7] = -1
    assert views[1].tolist() == [6, -1]


def test_a_slice_has_a_modules_weight_and_bias():
    assert SMALL.slices == (slice(0, 8), slice(8, 12))
    assert SMALL.size == 12


def test_the_networks_have_as_many_parameters_as_the_paper_says():
    assert pixel_cnn.LAYOUT.size == 94_696
    assert resnet.layout(64).size == 11_173_962


def test_the_layers_of_the_networks_have_names_of_their_own():
    for layout in (pixel_cnn.LAYOUT, resnet.layout(4)):
        names = [layer.name for layer in layout.layers]
        assert len(set(names)) == len(names)
        assert [part.stop for part in layout.slices][-1] == layout.size
