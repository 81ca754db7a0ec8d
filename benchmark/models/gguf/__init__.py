"""GGUF files: read strictly, and converted once into what `save_pretrained` would have written.

    folder = convert(Path("model.gguf"))     config.json, safetensors, tokenizer.json in the user's cache

`reading` opens a file, `architectures` makes a config of its keys and places its tensors, `rope` and `tokens` do what
the keys say about positions and text. A key, tensor, scaling or pre-tokenizer that is not known exactly is refused:
a model that is nearly right gives numbers that are wrong and look well.
"""

from benchmark.models.gguf.conversion import Conversion, convert, converted_folder, find_conversion

__all__ = ["Conversion", "convert", "converted_folder", "find_conversion"]
