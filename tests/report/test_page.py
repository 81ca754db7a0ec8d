from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from benchmark.errors import BenchmarkError
from benchmark.report import write_report
from benchmark.report.drawing import compact
from benchmark.report.figures import scatter, strip
from benchmark.report.page import MEANINGS
from benchmark.report.results import read_results
from benchmark.storage import read_json, read_table, write_json
from tests.report.synthetic import RECORD, write_results


class Reader(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and all(a.get(k) == v for k, v in attributes.items())]


@pytest.fixture(scope="module")
def page(reported: Path) -> Reader:
    return Reader((reported / "report.html").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_it_is_one_file_without_scripts_or_network(reported: Path, page: Reader) -> None:
    text = (reported / "report.html").read_text(encoding="utf-8")
    assert not page.all("script")
    assert not page.all("img")
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert not re.search(r"@import|url\((?!#)", text)


@pytest.mark.slow
def test_the_verdict_comes_first_in_the_words_of_the_claim(reported: Path, page: Reader) -> None:
    claim = read_json(reported / "claim.json")
    assert (
        page.text.index("As stated: refuted") < page.text.index(claim["sentence"]) < page.text.index("Four statements")
    )
    assert MEANINGS["refuted"] in page.text
    assert "It is not the paper’s" in page.text


@pytest.mark.slow
def test_every_cell_is_in_a_heatmap_and_the_violating_ones_are_marked(reported: Path, page: Reader) -> None:
    cells = read_table(reported / "family.csv", text=("undefined",))
    cells = cells[cells["family"] == "extended"]
    alone = [c for c in (a.get("class") or "" for a in page.all("td")) if "alone" in c.split()]
    assert len(alone) == (cells[cells["claim"] == "as_stated"]["target_alone"] == 1).sum() > 0
    above = [c for c in (a.get("class") or "" for a in page.all("td")) if "above" in c and "proven" not in c]
    proven = [c for c in (a.get("class") or "" for a in page.all("td")) if "proven" in c]
    notes = [a["title"] or "" for a in page.all("td") if (a.get("title") or "").startswith(("ρ = ", "undefined"))]
    assert len(notes) == len(cells)
    assert sum(note.startswith("undefined: ") for note in notes) == cells["rho"].isna().sum() > 0
    assert len(proven) == (cells["lower_limit"] > 0.33).sum() > 0
    consistent = read_table(reported / "consistency.csv")
    outside = ((consistent["ci_low"] > 0) | (consistent["ci_high"] < 0)).sum()
    assert len(above) == (cells["rho"].abs() > 0.33).sum() - len(proven) + outside
    assert sum("strongest" in (a.get("class") or "") for a in page.all("td")) == 2, "one for each claim"


@pytest.mark.slow
def test_every_figure_has_words_for_who_cannot_see_it(page: Reader) -> None:
    drawn = page.all("svg", role="img")
    # strip, 2 null, 2 scatter, 4 layers, 6 selection, 2 learning, reliability, power, timing, its history
    assert len(drawn) == 21
    assert page.tags.count(("title", {})) == len(drawn) + 1


@pytest.mark.slow
def test_ids_are_unique_and_every_reference_has_its_target(reported: Path, page: Reader) -> None:
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    text = (reported / "report.html").read_text(encoding="utf-8")
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text)) <= set(ids)


@pytest.mark.slow
def test_what_was_run_is_shown(page: Reader) -> None:
    for words in ("ab" * 32, "claim.seed", "topic", "0123456789abcdef", "a processor"):
        assert words in page.text
    assert page.all("a", href="provenance.json")


def test_alike_records_are_rows_of_a_table_and_empty_columns_are_left_out(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "claim.json", tmp_path)
    record = {"models": {"a": {"revision": "abc", "extra": None}, "b": {"revision": "def", "bos": True}}}
    page = Reader(write_report(tmp_path, "paper", record).read_text(encoding="utf-8"))
    assert "models revision bos a abc – b def yes" in page.text
    assert "extra" not in page.text


def test_words_in_a_figure_are_not_rounded() -> None:
    svg = '<svg viewBox="0 0 9 9"><g x="1.23456"><text>0.175</text></g></svg>'
    assert compact(svg, "f", "a", 1.0).endswith('<g x="1.23"><text>0.175</text></g></svg>')


@pytest.mark.slow
def test_figures_are_files_of_both_kinds(reported: Path) -> None:
    files = sorted(path.name for path in (reported / "figures").iterdir())
    assert files == sorted({f"{name.rsplit('.', 1)[0]}.{kind}" for name in files for kind in ("png", "svg")})
    assert {
        "heatmap_quality.svg",
        "heatmap_performance.png",
        "null_largest.svg",
        "layers_tiny_qwen_quality.svg",
    } <= set(files)
    assert sum(path.stat().st_size for path in (reported / "figures").iterdir()) < 1_500_000


@pytest.mark.slow
def test_one_pool_is_enough_and_twice_is_the_same_to_the_byte_and_old_figures_go(tmp_path: Path) -> None:
    write_results(tmp_path, models=("only",), datasets=("task",), n=12, layers=1)
    write_report(tmp_path, "embedded", RECORD)
    made = {path: path.read_bytes() for path in (tmp_path / "report.html", *(tmp_path / "figures").iterdir())}
    (tmp_path / "figures" / "of_a_model_that_is_gone.png").write_bytes(b"")
    write_report(tmp_path, "embedded", RECORD)
    again = {path: path.read_bytes() for path in (tmp_path / "report.html", *(tmp_path / "figures").iterdir())}
    assert [path.name for path in made if made[path] != again[path]] == []
    assert made.keys() == again.keys()


def test_with_the_claim_alone_each_section_says_what_is_missing(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "claim.json", tmp_path)
    page = Reader(write_report(tmp_path, "paper").read_text(encoding="utf-8"))
    assert len(page.all("p", **{"class": "missing"})) == 17
    assert "the select stage has not written it" in page.text
    assert "the paper’s claim is about" in page.text
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("verdict", ["reproduced", "exceeded", "inconclusive"])
def test_other_verdicts_and_an_empty_family_are_told(folder: Path, tmp_path: Path, verdict: str) -> None:
    claim = read_json(folder / "claim.json")
    claim["families"]["paper"]["given_target"] |= {"max_abs_rho": 0.0, "cell": None, "p_family": None}
    write_json(tmp_path / "claim.json", claim | {"verdict": verdict})
    page = Reader(write_report(tmp_path, "embedded").read_text(encoding="utf-8"))
    assert MEANINGS[verdict] in page.text


def test_figures_are_drawn_where_too_few_candidates_leave_no_interval(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "results"
    shutil.copytree(folder, again)
    claim = read_json(again / "claim.json")
    for found in claim["families"]["paper"].values():
        if "intervals" in found:
            found["intervals"]["strongest"] = {"ci": None, "simultaneous": None}
    write_json(again / "claim.json", claim)
    results = read_results(again)
    assert strip.draw(results)
    assert scatter.draw(results)


def test_the_embedded_page_says_at_once_that_it_is_a_self_test(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "claim.json", tmp_path)
    sentence = read_json(tmp_path / "claim.json")["sentence"]
    page = Reader(write_report(tmp_path, "embedded").read_text(encoding="utf-8"))
    assert page.text.index("A self-test on tiny models") < page.text.index(sentence)
    other = Reader(write_report(tmp_path, "pretrained").read_text(encoding="utf-8"))
    assert "elf-test" not in other.text


def test_insensitive_pools_are_counted_alike_on_the_page_and_in_the_claim(folder: Path, tmp_path: Path) -> None:
    claim = read_json(folder / "claim.json")
    blind = {"model": "m", "dataset": "d", "outcome": "quality", "n": 40, "n_needed": 290}
    claim["families"]["paper"]["given_target"]["insensitive"] = [blind] * 9
    write_json(tmp_path / "claim.json", claim)
    page = Reader(write_report(tmp_path, "paper").read_text(encoding="utf-8"))
    assert "As stated , it would be in all 7." in page.text
    assert "Given the target , it would not be in 9 of 16: m on d, quality (n = 40, about 290 are needed);" in page.text
    assert "; and 1 more." in page.text


def test_no_result_of_a_name_can_break_out_of_the_text(folder: Path, tmp_path: Path) -> None:
    claim = read_json(folder / "claim.json")
    write_json(tmp_path / "claim.json", claim | {"sentence": "a <script>alert(1)</script> & more"})
    text = write_report(tmp_path, "embedded", {"<b>": "<i>"}).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "a &lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text


def test_a_damaged_table_is_named_and_nothing_is_overwritten(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "results"
    shutil.copytree(folder, again)
    pd.read_csv(again / "family.csv").drop(columns="rho").to_csv(again / "family.csv")
    (again / "report.html").write_text("the page before", encoding="utf-8")
    with pytest.raises(BenchmarkError, match=r"family.csv lacks the column rho"):
        write_report(again, "embedded")
    assert (again / "report.html").read_text(encoding="utf-8") == "the page before"


def test_a_claim_of_another_version_is_refused(folder: Path, tmp_path: Path) -> None:
    claim = read_json(folder / "claim.json")
    del claim["sentence"]
    write_json(tmp_path / "claim.json", claim)
    with pytest.raises(BenchmarkError, match=r"claim.json lacks sentence"):
        write_report(tmp_path, "embedded")


def test_without_results_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"claim.json is missing: run the stage"):
        write_report(tmp_path, "embedded")
