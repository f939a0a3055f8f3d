"""Code that Numba compiles for CPUs, and the tables by which it is found.

The tables map the exact class of the reference, by its qualified name, to a function or class in this folder, which is
imported when it is first used.
"""

from collections.abc import Mapping

# Drop-in replacements with the arguments of the reference; see `lodo_bench.compute.selection.implementation`.
IMPLEMENTATIONS: Mapping[str, str] = {
    "lodo_bench.optimizers.lbfgs.TwoLoopRecursion": "lodo_bench.backends.numba.two_loop.NumbaTwoLoopRecursion",
    "lodo_bench.optimizers.lodo.block_network.TorchBlockPreconditioner": (
        "lodo_bench.backends.numba.lodo.numba_preconditioner"
    ),
    "lodo_bench.optimizers.lodo.drop_in.butterfly.ButterflyStructure": (
        "lodo_bench.backends.numba.butterfly.NumbaButterflyStructure"
    ),
    "lodo_bench.tasks.networks.pixel_cnn.losses": "lodo_bench.backends.numba.pixel_cnn.losses",
    "lodo_bench.tasks.quadratic.QuadraticEvaluation": "lodo_bench.backends.numba.quadratic.NumbaQuadraticEvaluation",
}

# The classes of tasks and optimizers that have machine code, here or below.
CLASSES = frozenset(
    {
        "lodo_bench.optimizers.adam.Adam",
        "lodo_bench.optimizers.lbfgs.LBFGS",
        "lodo_bench.optimizers.lbfgs.OLBFGS",
        "lodo_bench.optimizers.lodo.lodo.Lodo",
        "lodo_bench.optimizers.lodo.lodo.LodoNoMomentum",
        "lodo_bench.optimizers.lodo.lodo.LodoSgd",
        "lodo_bench.optimizers.momentum.Momentum",
        "lodo_bench.optimizers.rmsprop.RMSprop",
        "lodo_bench.optimizers.yogi.Yogi",
        "lodo_bench.tasks.mnist.Mnist",
        "lodo_bench.tasks.quadratic.Quadratic",
    }
)

# The two halves of a compiled loop; see `lodo_bench.backends.compiled_loop`. Each function takes the task or optimizer.
COMPILED_BATCHES: Mapping[str, str] = {
    "lodo_bench.tasks.quadratic.Quadratic": "lodo_bench.backends.numba.quadratic.quadratic_batches",
}
COMPILED_STEPS: Mapping[str, str] = {
    "lodo_bench.optimizers.adam.Adam": "lodo_bench.backends.numba.elementwise.adam_steps",
    "lodo_bench.optimizers.momentum.Momentum": "lodo_bench.backends.numba.elementwise.momentum_steps",
    "lodo_bench.optimizers.rmsprop.RMSprop": "lodo_bench.backends.numba.elementwise.rmsprop_steps",
    "lodo_bench.optimizers.yogi.Yogi": "lodo_bench.backends.numba.elementwise.yogi_steps",
    "lodo_bench.optimizers.lodo.lodo.Lodo": "lodo_bench.backends.numba.lodo.lodo_steps",
    "lodo_bench.optimizers.lodo.lodo.LodoNoMomentum": "lodo_bench.backends.numba.lodo.lodo_steps",
}
# The structural options that must not be 0 for the optimizer's half to be there.
REQUIRED_OPTIONS: Mapping[str, str] = {
    "lodo_bench.optimizers.lodo.lodo.Lodo": "layers",
    "lodo_bench.optimizers.lodo.lodo.LodoNoMomentum": "layers",
}
