"""A transformer that predicts the next character of a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from typing_extensions import override

from lodo_bench.errors import UsageError
from lodo_bench.spec.compute import Device, DType
from lodo_bench.spec.options import Option, Value
from lodo_bench.spec.training import LossBound
from lodo_bench.tasks.custom.module import ModuleTask
from lodo_bench.tasks.data.bundled import load_manual
from lodo_bench.tasks.data.files import digest, read_text
from lodo_bench.tasks.networks.transformer import Transformer

_CHUNK = 64  # sequences per forward pass in evaluation


@dataclass(frozen=True, slots=True)
class CharacterText:
    """A text as numbers.

    Attributes:
        training: (N,), int64: the first nine tenths.
        validation: (M,), int64: the last tenth.
        characters: the V different characters, sorted; a number is a position in it.
    """

    training: Tensor
    validation: Tensor
    characters: str


@final
class CharTransformer(ModuleTask):
    """Language modeling: a decoder-only transformer predicts the next character of your own text or a bundled one.

    The vocabulary consists of the V different characters of the text. The first nine tenths are for training, the
    last tenth for validation. A batch consists of sequences of `context` + 1 characters, whose beginnings are drawn
    uniformly; the loss is the mean cross-entropy of all characters but the first, in nats per character, about ln V for
    an untrained network. `validation_loss` is that of consecutive sequences of the last tenth.

    The bundled text is 53 kB of technical English with V = 85 (ln V = 4.443). The network is `Transformer`; by default
    it has n = 215,125 parameters. After 200 steps, Adam with a learning rate of 0.003 has a validation loss of 2.49;
    the frequencies of pairs of characters give 2.46, those of single characters 3.11.
    """

    options_table = (
        Option("text", "file", "text", "", "text file in UTF-8; the bundled text if empty"),
        Option("width", "width", "positive-int", 64, "size of the vectors, a multiple of the number of heads"),
        Option("depth", "depth", "positive-int", 4, "number of blocks"),
        Option("heads", "heads", "positive-int", 4, "heads of each attention"),
        Option("context", "context", "positive-int", 64, "characters that a prediction can see"),
        Option("batch_size", "batch", "positive-int", 16, "sequences in a batch"),
    )
    step_milestone = 2000
    metric_interval = 200

    @classmethod
    @override
    def optimal_loss(cls, options: Mapping[str, Value]) -> LossBound | None:
        given = cls.with_defaults(options)
        if given["width"] % given["heads"]:
            raise UsageError(
                f"width = {given['width']} of char-transformer is not a multiple of heads = {given['heads']}. "
                "Choose a multiple."
            )
        return None

    @classmethod
    @override
    def check(cls, options: Mapping[str, Value], device: Device, dtype: DType) -> None:
        given = cls.with_defaults(options)
        text, context = _text(given["text"]), given["context"]
        if len(text.validation) <= context:
            raise UsageError(
                f"the text of char-transformer is too short for context = {context}: its last tenth has "
                f"{len(text.validation)} characters: must be at least {context + 1}."
            )

    @classmethod
    @override
    def data_version(cls, options: Mapping[str, Value]) -> str:
        return digest(str(options.get("text", "")))

    @classmethod
    @override
    def build_module(cls, options: Mapping[str, Any]) -> nn.Module:
        sizes = {name: options[name] for name in ("context", "width", "depth", "heads")}
        return Transformer(len(_text(options["text"]).characters), **sizes)

    @override
    def setup(self) -> None:
        text, length = _text(self.options["text"]), self.options["context"] + 1
        self._training = text.training.to(self.device)
        # Neighbors share a character, so that each but the very first is predicted once.
        self._validation = text.validation.to(self.device).unfold(0, length, length - 1)
        self._offsets = torch.arange(length, device=self.device)

    @override
    def draw_batch(self, generator: Generator) -> Tensor:
        """Draw sequences, (B, context + 1)."""
        count, last = self.options["batch_size"], len(self._training) - len(self._offsets)
        starts = torch.randint(last + 1, (count, 1), generator=generator, device=self.device)
        return self._training[starts + self._offsets]

    @override
    def loss(self, module: nn.Module, batch: Tensor) -> Tensor:
        return F.cross_entropy(module(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())

    @override
    def metrics(self, module: nn.Module) -> Mapping[str, Tensor]:
        """Return `validation_loss`."""
        parts = torch.split(self._validation, _CHUNK)
        total = sum(self.loss(module, part).double() * len(part) for part in self.in_batches(parts))
        return {"validation_loss": torch.as_tensor(total) / len(self._validation)}


def _text(path: str) -> CharacterText:
    text = read_text(path) if path else load_manual()
    if not text:
        raise UsageError(f"'{path}' is empty. Give a text file.")
    return _numbered(text)


@lru_cache(maxsize=4)
def _numbered(text: str) -> CharacterText:
    characters = "".join(sorted(set(text)))
    index = {character: number for number, character in enumerate(characters)}
    numbers = torch.tensor([index[character] for character in text])
    first = len(text) * 9 // 10
    return CharacterText(numbers[:first], numbers[first:], characters)
