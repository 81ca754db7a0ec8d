"""What is in the archive, for machines: `ro-crate-metadata.json`, after RO-Crate 1.2 (https://w3id.org/ro/crate/1.2).

Written here and not by the library `rocrate`, which stamps a crate with the time at which it was made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from benchmark.archive.packing import Commit, Entry
from benchmark.hashing import sha256

NAME = "ro-crate-metadata.json"
SPECIFICATION = "https://w3id.org/ro/crate/1.2"
LICENCES = {"MIT": "https://spdx.org/licenses/MIT"}
FORMATS = {
    ".cff": "application/yaml",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".lock": "text/plain",
    ".md": "text/markdown",
    ".npz": "application/zip",
    ".png": "image/png",
    ".py": "text/x-python",
    ".safetensors": "application/octet-stream",
    ".sh": "application/x-sh",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def describe(commit: Commit) -> Entry:
    """The metadata file: the crate, its authors, licence and paper, every profile's claim, and every file."""
    citation = yaml.safe_load(commit.files["CITATION.cff"].content)
    paper = citation["references"][0]
    licence = LICENCES[citation["license"]]
    people = [_organisation(author) for author in citation["authors"]]
    claims = _claims(commit.files)
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": citation["title"],
        "description": citation["abstract"],
        "datePublished": commit.time.date().isoformat(),
        "dateModified": commit.time.isoformat(),
        "version": f"{citation['version']}+{commit.revision}",
        "identifier": commit.revision,
        "license": {"@id": licence},
        "author": _one_or_all({"@id": person["@id"]} for person in people),
        "publisher": {"@id": people[0]["@id"]},
        "keywords": ", ".join(citation["keywords"]),
        "citation": {"@id": _address(paper)},
        "mainEntity": {"@id": "benchmark/"},
        "hasPart": [{"@id": "benchmark/"}, *({"@id": name} for name in sorted(commit.files))],
        "mentions": _one_or_all({"@id": claim["@id"]} for claim in claims),
    }
    package = {
        "@id": "benchmark/",
        "@type": "Dataset",
        "name": "benchmark",
        "description": "the package: every stage of the pipeline, and the commands that look at its results",
        "hasPart": _one_or_all({"@id": name} for name in sorted(commit.files) if name.startswith("benchmark/")),
    }
    graph = [
        {
            "@id": NAME,
            "@type": "CreativeWork",
            "conformsTo": {"@id": SPECIFICATION},
            "about": {"@id": "./"},
        },
        root,
        package,
        *people,
        {"@id": licence, "@type": "CreativeWork", "name": citation["license"], "url": licence},
        _article(paper),
        *claims,
        *(_file(name, entry) for name, entry in sorted(commit.files.items())),
    ]
    content = {"@context": f"{SPECIFICATION}/context", "@graph": graph}
    return Entry((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def _one_or_all(references: Iterable[dict[str, str]]) -> dict[str, str] | list[dict[str, str]]:
    """A list of one is written without the list, as the specification recommends."""
    found = list(references)
    return found[0] if len(found) == 1 else found


def _organisation(author: Mapping[str, str]) -> dict[str, Any]:
    return {"@id": f"#{author['name'].lower().replace(' ', '-')}", "@type": "Organization", "name": author["name"]}


def _address(paper: Mapping[str, Any]) -> str:
    return f"https://arxiv.org/abs/{paper['identifiers'][0]['value'].removeprefix('arXiv:')}"


def _article(paper: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@id": _address(paper),
        "@type": "ScholarlyArticle",
        "name": paper["title"],
        "author": ", ".join(author["family-names"] for author in paper["authors"]),
        "datePublished": f"{paper['year']}-{paper['month']:02}",
    }


def _claims(files: Mapping[str, Entry]) -> list[dict[str, Any]]:
    """The verdict of every profile that has one, with the cells that it is recomputed from."""
    names = [PurePosixPath(name) for name in sorted(files) if re.fullmatch(r"(\w+/)?results/claim\.json", name)]
    return [_claim(name, json.loads(files[str(name)].content), files) for name in names]


def _claim(name: PurePosixPath, claim: Mapping[str, Any], files: Mapping[str, Entry]) -> dict[str, Any]:
    profile = name.parts[0] if len(name.parts) > 2 else "embedded"
    said = f"{claim['verdict']} as stated, {claim['verdict_given_target']} given the target"
    cells = [file for file in sorted(files) if file.startswith(f"{name.parent}/cells/")]
    return {
        "@id": f"#verdict-{profile}",
        "@type": "CreateAction",
        "name": f"the verdict of the {profile} profile",
        "description": f"{said}. {claim['sentence']}",
        "instrument": {"@id": "benchmark/"},
        "object": _one_or_all({"@id": file} for file in cells),
        "result": {"@id": str(name)},
    }


def _file(name: str, entry: Entry) -> dict[str, Any]:
    suffix = PurePosixPath(name).suffix
    return {
        "@id": name,
        "@type": "File",
        "name": name,
        "contentSize": str(len(entry.content)),
        "encodingFormat": FORMATS.get(suffix, "text/plain"),
        "sha256": sha256(entry.content),
    }
