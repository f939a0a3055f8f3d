"""A small decoder-only transformer."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

_DEVIATION = 0.02  # of the initial weights


@final
class Attention(nn.Module):
    """Causal self-attention with several heads: each position attends to itself and those before it.

    Args:
        width: size of the vectors, a multiple of `heads`.
        heads: number of heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))

    @override
    def forward(self, signal: Tensor) -> Tensor:
        """Map (B, T, width) to (B, T, width)."""
        query, key, value = (
            part(signal).unflatten(-1, (self._heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        result: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return result


@final
class Block(nn.Module):
    """A pre-normalized transformer block: attention, then a perceptron of four times the width, with residuals."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.perceptron_norm = nn.LayerNorm(width)
        self.expand, self.contract = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    @override
    def forward(self, signal: Tensor) -> Tensor:
        """Map (B, T, width) to (B, T, width)."""
        signal = signal + self.attention(self.attention_norm(signal))
        hidden = F.gelu(self.expand(self.perceptron_norm(signal)))
        result: Tensor = signal + self.contract(hidden)
        return result


@final
class Transformer(nn.Module):
    """A language model: learned positions, blocks, a final normalization and an output layer (Radford et al., 2019).

    Weights are drawn from N(0, 0.02²), those whose result is added to the residual stream with a deviation smaller by
    the factor (2 · depth)^(−1/2); biases are 0.

    Args:
        tokens: number of different tokens V.
        context: largest length of a sequence.
        width: size of the vectors.
        depth: number of blocks.
        heads: heads of each attention, a divisor of `width`.
    """

    def __init__(self, tokens: int, context: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.token, self.position = nn.Embedding(tokens, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, tokens)
        for name, parameter in self.named_parameters():
            self._initialize(name, parameter, depth)

    @override
    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of each next token, (B, T, V), for `tokens` (B, T)."""
        signal = self.token(tokens) + self.position(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.blocks:
            signal = block(signal)
        result: Tensor = self.head(self.norm(signal))
        return result

    @staticmethod
    def _initialize(name: str, parameter: nn.Parameter, depth: int) -> None:
        if parameter.ndim >= 2:
            is_residual = name.endswith(("output.weight", "contract.weight"))
            nn.init.normal_(parameter, 0, _DEVIATION * ((2 * depth) ** -0.5 if is_residual else 1))
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
