"""A GGUF file as its keys and tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, ReaderTensor, dequantize
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError


@dataclass(frozen=True, slots=True)
class GgufFile:
    """`keys`: every key with its value; `tensors` by name, still quantised and on disk."""

    path: Path
    keys: Mapping[str, Any]
    tensors: Mapping[str, ReaderTensor]

    @property
    def architecture(self) -> str:
        return str(self.keys.get("general.architecture", ""))

    @property
    def quantisation(self) -> dict[str, int]:
        """Tensors of each type (Q4_1, F32, ...)."""
        return dict(sorted(Counter(tensor.tensor_type.name for tensor in self.tensors.values()).items()))

    def require(self, key: str) -> Any:
        """The value of a key; raises `BenchmarkError` where the file does not have it."""
        if key not in self.keys:
            raise BenchmarkError(f"{self.path.name} has no key {key}, which its architecture needs: it is incomplete")
        return self.keys[key]

    def dequantised(self, name: str) -> NDArray[np.float32]:
        """The numbers of a tensor, with the shape that torch has (the slowest axis first)."""
        tensor = self.tensors[name]
        try:
            return np.asarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        except NotImplementedError as error:
            raise BenchmarkError(
                f"{self.path.name}: {name} is stored as {tensor.tensor_type.name}, which the installed gguf cannot "
                f"dequantise: use a file of another quantisation"
            ) from error


def read_gguf(path: Path) -> GgufFile:
    """Opens a GGUF file. Raises `BenchmarkError` for one that is missing, damaged or cut off, or a part of several."""
    try:
        reader = GGUFReader(path)
        keys = {name: field.contents() for name, field in reader.fields.items()}
        tensors = {tensor.name: tensor for tensor in reader.tensors}
    except FileNotFoundError as error:
        raise BenchmarkError(f"{path} is missing: correct its path in the parameters") from error
    except Exception as error:  # the reader has no errors of its own: whatever numpy meets in the bytes
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BenchmarkError(f"{path} is not a whole GGUF file ({reason}): fetch or copy it again") from error
    if int(keys.get("split.count", 1)) > 1:
        raise BenchmarkError(f"{path} is one of {keys['split.count']} parts: join them (gguf-split --merge) first")
    return GgufFile(path, keys, tensors)
