"""Real pip downloads, from a folder of wheels instead of an index."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from steadycode.errors import DataError
from steadycode.files import sha256_file
from steadycode.wheels import pinned_wheel

PINNED = "0" * 64


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip looks in, and nowhere else. Its name needs quotes in PIP_ARGS."""
    folder = tmp_path / "the index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_ARGS", f"--no-index --find-links '{folder}'")
    return folder


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    return tmp_path / "downloads"


def wheel(folder: Path, build: str = "") -> Path:
    path = folder / f"tinylib-1.0-{build}py3-none-any.whl"
    about = "tinylib-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tinylib.py", f"build = {build!r}\n")
        archive.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: tinylib\nVersion: 1.0\n"
        )
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_download_then_cache(index: Path, downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = sha256_file(source := wheel(index))
    found = pinned_wheel("tinylib", "1.0", sha256, downloads)
    assert found.read_bytes() == source.read_bytes()
    assert names(downloads) == [found.name] == [f"{sha256}.whl"]
    monkeypatch.setattr("subprocess.run", None)  # so that pip cannot have been asked
    assert pinned_wheel("tinylib", "1.0", sha256, downloads) == found


def test_damaged_cache_is_not_trusted(index: Path, downloads: Path) -> None:
    sha256 = sha256_file(source := wheel(index))
    pinned_wheel("tinylib", "1.0", sha256, downloads).write_bytes(b"damaged")
    found = pinned_wheel("tinylib", "1.0", sha256, downloads)
    assert found.read_bytes() == source.read_bytes()


def test_the_pinned_wheel_of_several_is_chosen(
    index: Path, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an index serves them: a page that names the hash of each."""
    hashes = {path.name: sha256_file(path) for path in (wheel(index), wheel(index, "1-"))}
    page = index / "page.html"
    links = "".join(f'<a href="{name}#sha256={sha}">{name}</a>' for name, sha in hashes.items())
    page.write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    monkeypatch.setenv("PIP_ARGS", f"--no-index --find-links '{page}'")
    for sha256 in hashes.values():
        assert sha256_file(pinned_wheel("tinylib", "1.0", sha256, downloads)) == sha256
    assert len(set(names(downloads))) == 2


def test_another_wheel_is_refused(index: Path, downloads: Path) -> None:
    source = wheel(index)
    with pytest.raises(DataError) as error:
        pinned_wheel("tinylib", "1.0", PINNED, downloads)
    assert str(error.value) == (
        f"tinylib==1.0 has sha256 {sha256_file(source)}, but the recipe says {PINNED}; "
        "it is not the file that was pinned, do not use it"
    )
    assert names(downloads) == []


def test_a_source_distribution_is_never_built(
    index: Path, downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when it is the pinned file, and PIP_ARGS asks for source distributions."""
    ran = tmp_path / "ran"
    (tmp_path / "setup.py").write_text(f"open({str(ran)!r}, 'w')\n")
    (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: tinylib\nVersion: 1.0\n")
    source = index / "tinylib-1.0.tar.gz"
    with tarfile.open(source, "w:gz") as archive:
        for name in ("setup.py", "PKG-INFO"):
            archive.add(tmp_path / name, f"tinylib-1.0/{name}")
    more = f"--no-index --find-links '{index}' --no-build-isolation --no-binary=:all:"
    monkeypatch.setenv("PIP_ARGS", more)
    with pytest.raises(DataError, match=r"tinylib==1\.0: No matching distribution found"):
        pinned_wheel("tinylib", "1.0", sha256_file(source), downloads)
    assert not ran.exists()
    assert names(downloads) == []


def test_a_missing_release_is_one_line(index: Path, downloads: Path) -> None:
    wheel(index)
    with pytest.raises(DataError) as error:
        pinned_wheel("tinylib", "2.0", PINNED, downloads)
    assert str(error.value) == (
        "pip cannot download tinylib==2.0: No matching distribution found for tinylib==2.0; check "
        "the network, or name a package index or a folder of wheels in PIP_ARGS"
    )


def test_no_network_is_one_line(
    index: Path, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_ARGS", "--index-url https://127.0.0.1:9/simple --retries 1 --timeout 1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(DataError) as error:
        pinned_wheel("tinylib", "1.0", PINNED, downloads)
    assert str(error.value).startswith(
        "pip cannot download tinylib==1.0: the package index cannot be reached; "
    )
    assert "\n" not in str(error.value)


def test_unreadable_pip_args_are_named(
    index: Path, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_ARGS", "--find-links 'half")
    with pytest.raises(DataError, match="PIP_ARGS cannot be read as pip options: No closing"):
        pinned_wheel("tinylib", "1.0", PINNED, downloads)
