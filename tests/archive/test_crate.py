"""The description of the archive, of this repository's last commit, and the records that it is made from."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark import __version__
from benchmark.archive.crate import describe
from benchmark.archive.packing import Commit, read_commit

ROOT = Path(__file__).parents[2]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def commit() -> Commit:
    if not (ROOT / ".git").exists():
        pytest.skip("an archive is made from a commit, and this copy has no git")
    return read_commit(ROOT)


@pytest.fixture(scope="module")
def graph(commit: Commit) -> dict[str, dict[str, Any]]:
    content = json.loads(describe(commit).content)
    assert content["@context"] == "https://w3id.org/ro/crate/1.2/context"
    entities = {entity["@id"]: entity for entity in content["@graph"]}
    assert len(entities) == len(content["@graph"]), "an identifier occurs twice"
    return entities


def references(value: Any) -> set[str]:
    """Every identifier that a value refers to."""
    if isinstance(value, list):
        return {found for item in value for found in references(item)}
    if isinstance(value, dict):
        return {value["@id"]} if value.keys() == {"@id"} else {f for item in value.values() for f in references(item)}
    return set()


def test_every_file_is_described_as_it_is(commit: Commit, graph: dict[str, dict[str, Any]]) -> None:
    assert {part["@id"] for part in graph["./"]["hasPart"]} == {*commit.files, "benchmark/"}
    for name, entry in commit.files.items():
        described = graph[name]
        assert described["sha256"] == hashlib.sha256(entry.content).hexdigest()
        assert described["contentSize"] == str(len(entry.content))
        assert "File" in described["@type"]


def test_what_is_referred_to_is_described(graph: dict[str, dict[str, Any]]) -> None:
    outside = {"https://w3id.org/ro/crate/1.2"}
    assert references(list(graph.values())) - outside <= set(graph)


def test_the_root_has_what_the_specification_demands(commit: Commit, graph: dict[str, dict[str, Any]]) -> None:
    root = graph["./"]
    assert root["@type"] == "Dataset"
    assert root["name"] == CITATION["title"]
    assert root["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", root["datePublished"])
    assert root["version"] == f"{__version__}+{commit.revision}"
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}


def test_every_committed_verdict_is_named_with_its_cells(commit: Commit, graph: dict[str, dict[str, Any]]) -> None:
    claims = {name: json.loads(entry.content) for name, entry in commit.files.items() if name.endswith("claim.json")}
    claims = {name: claim for name, claim in claims.items() if "families" in claim}
    actions = {entity["result"]["@id"]: entity for entity in graph.values() if entity["@type"] == "CreateAction"}
    assert set(actions) == set(claims)
    for name, action in actions.items():
        assert action["description"].startswith(f"{claims[name]['verdict']} as stated, ")
        assert {cells["@id"] for cells in action["object"]} == {
            file for file in commit.files if file.startswith(name.replace("claim.json", "cells/"))
        }


def test_citation_and_zenodo_say_the_same() -> None:
    zenodo = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    for name in ("title", "version", "license", "keywords"):
        assert zenodo[name] == CITATION[name]
    assert CITATION["version"] == __version__
    assert zenodo["creators"] == [{"name": author["name"]} for author in CITATION["authors"]]
    assert zenodo["related_identifiers"][0]["identifier"] == CITATION["references"][0]["identifiers"][0]["value"]
    said = re.sub(r"<[^>]+>", "", zenodo["description"])
    assert said.startswith(CITATION["abstract"].strip())
