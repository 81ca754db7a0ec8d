"""Parameter files: YAML whose words stay words, and in which no key may occur twice.

PyYAML follows YAML 1.1, where `no` is false, `010` is 8 and `1:30` is 90, and takes the last of two equal keys. Here,
as in YAML 1.2 and for DVC, only true and false are truth values, and an integer is decimal digits.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

BOOL, INT, FLOAT, MERGE = (f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "merge"))


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise yaml.YAMLError(f"line {line} has the key {key.value!r} a second time: remove one of them")
                seen.add(key.value)
        return node


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (BOOL, INT, FLOAT)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for tag, pattern, first in (
    (BOOL, r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    (INT, r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (FLOAT, r"(?:[-+]?[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?|[-+]?\.inf|\.nan", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(tag, re.compile(rf"(?:{pattern})\Z"), list(first))


def load_yaml(text: str) -> Any:
    """The value of a YAML text. Raises `yaml.YAMLError` where it is not YAML, and for a key that occurs twice."""
    return yaml.load(text, Loader=_Loader)  # a SafeLoader
