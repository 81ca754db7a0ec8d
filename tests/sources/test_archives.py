from __future__ import annotations

import io
import stat
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BenchmarkError
from benchmark.sources.archives import extract, member, safe_path
from tests.sources.package_index import sdist, wheel

FILES = {"pkg/a.txt": b"alpha", "pkg/data/b.txt": b"beta", "pkg/data/deep/c.txt": b"gamma", "other/d.txt": b"delta"}


def zip_of(path: Path, entries: list[tuple[str, bytes]]) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # of a name that occurs twice
        for name, data in entries:
            archive.writestr(name, data)


def tar_of(path: Path, entries: list[tuple[str, bytes]]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


@pytest.fixture(params=[wheel, sdist])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "archive"
    path.write_bytes(request.param(FILES))
    return path


def test_a_file_is_read_as_it_is(archive: Path) -> None:
    for name, content in FILES.items():
        with member(archive, name) as stream:
            assert stream.read() == content


@pytest.mark.parametrize("outer", [wheel, sdist])
@pytest.mark.parametrize("inner", [wheel, sdist])
def test_an_archive_in_an_archive(outer: object, inner: object, tmp_path: Path) -> None:
    path = tmp_path / "outer"
    path.write_bytes(outer({"x/inner.bin": inner(FILES)}))  # type: ignore[operator]
    with member(path, "x/inner.bin!pkg/data/b.txt") as stream:
        assert stream.read() == b"beta"
    assert not extract(path, {"x/inner.bin!pkg/data/": tmp_path / "out", "x/inner.bin!other/d.txt": tmp_path / "d"})
    assert (tmp_path / "out" / "deep" / "c.txt").read_bytes() == b"gamma"
    assert (tmp_path / "d").read_bytes() == b"delta"


def test_a_folder_brings_what_is_below_it_and_nothing_else(archive: Path, tmp_path: Path) -> None:
    assert not extract(archive, {"pkg/data/": tmp_path / "out"})
    found = {str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in (tmp_path / "out").rglob("*.txt")}
    assert found == {"b.txt": b"beta", "deep/c.txt": b"gamma"}


def test_a_name_that_is_not_there_suggests_another(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"holds no a\.txt: did you mean 'pkg/a\.txt'\?"), member(archive, "a.txt"):
        pass
    (error,) = extract(archive, {"pkg/dat/": tmp_path / "out", "pkg/a.txt": tmp_path / "a"})
    assert "holds no pkg/dat/: did you mean 'pkg/data/'?" in str(error)
    assert (tmp_path / "a").read_bytes() == b"alpha"
    assert not (tmp_path / "out").exists()


def test_an_archive_is_read_once_for_all_that_is_wanted(archive: Path, tmp_path: Path) -> None:
    wanted = {"pkg/data/": tmp_path / "out", "pkg/data/b.txt": tmp_path / "b", "other/d.txt": tmp_path / "d"}
    with watched_opens() as opened:
        assert not extract(archive, wanted)
    assert opened == [archive]
    assert [(tmp_path / name).read_bytes() for name in ("out/b.txt", "b", "d")] == [b"beta", b"beta", b"delta"]


@contextmanager
def watched_opens() -> Iterator[list[Path]]:
    """The archives that are opened, each time."""
    opened: list[Path] = []
    with pytest.MonkeyPatch.context() as patch:
        for library, name in ((tarfile, "open"), (zipfile, "ZipFile")):
            original = getattr(library, name)

            def watched(path: Path, *rest: object, original: Any = original) -> Any:
                opened.append(path)
                return original(path, *rest)

            patch.setattr(library, name, watched)
        yield opened


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_of_two_entries_with_one_name_the_first_counts(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "x"
    make(path, [("a", b"first"), ("a", b"second")])
    assert not extract(path, {"a": tmp_path / "out"})
    with member(path, "a") as stream:
        assert stream.read() == (tmp_path / "out").read_bytes() == b"first"


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "", "a!", "a!../b", "a\\..\\b", "!b"])
def test_a_path_that_leads_outside(path: str) -> None:
    with pytest.raises(ValueError, match="leads outside"):
        safe_path(path)


def tar_with(entry: tarfile.TarInfo, path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(entry, io.BytesIO(b""))
    return path


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(kind: bytes, tmp_path: Path) -> None:
    entry = tarfile.TarInfo("pkg/link")
    entry.type, entry.linkname = kind, "/etc/passwd"
    path = tar_with(entry, tmp_path / "x.tar.gz")
    with pytest.raises(BenchmarkError, match="is a link or a device"), member(path, "pkg/link"):
        pass
    with pytest.raises(BenchmarkError, match="is a link or a device"):
        extract(path, {"pkg/": tmp_path / "out"})


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    entry = zipfile.ZipInfo("pkg/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(BenchmarkError, match="is a link or a device"), member(path, "pkg/link"):
        pass


@pytest.mark.parametrize("make", [wheel, sdist])
def test_an_archive_whose_names_lead_outside_writes_nothing_there(make: object, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(make({"pkg/../../evil.txt": b"evil"}))  # type: ignore[operator]
    with pytest.raises(BenchmarkError, match="leads outside"):
        extract(path, {"pkg/": tmp_path / "in" / "out"})
    assert not list(tmp_path.rglob("evil.txt"))


@pytest.mark.parametrize(
    "content", [b"", b"no archive", sdist(FILES)[:60], wheel(FILES)[:-30]], ids=["empty", "text", "tar", "zip"]
)
def test_what_is_no_archive(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(BenchmarkError, match="is not an archive that can be read"), member(path, "pkg/a.txt") as stream:
        stream.read()
