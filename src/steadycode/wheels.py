"""Downloads wheels that are pinned by their hash from the package index; none is ever executed."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from steadycode.errors import DataError
from steadycode.files import sha256_file, temporary_beside

_UNREACHABLE = re.compile(
    r"connection broken|connection error|max retries exceeded|timed out", re.I
)
_OTHER_HASH = re.compile(r"DO NOT MATCH THE HASHES.*?\bGot\s+([0-9a-f]{64})", re.S)


def pinned_wheel(name: str, version: str, sha256: str, downloads: Path) -> Path:
    """The file ``downloads/SHA256.whl``, fetched by pip unless it is there already and intact.

    Source distributions are never considered: building one would run code before the hash could be
    compared. ``PIP_ARGS`` in the environment is passed on to pip. Raises DataError when the wheel
    cannot be had, or is another file than the pinned one.
    """
    cached = downloads / f"{sha256}.whl"
    if cached.is_file() and sha256_file(cached) == sha256:
        return cached
    with temporary_beside(cached) as folder:
        folder.mkdir()
        wheel = _download(f"{name}=={version}", sha256, folder)
        if (actual := sha256_file(wheel)) != sha256:
            raise _other_file(f"{name}=={version}", actual, sha256)
        return wheel.replace(cached)


def _download(release: str, sha256: str, folder: Path) -> Path:
    """Let pip download, among the release's wheels, the one with the pinned hash."""
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{release} --hash=sha256:{sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", *_pip_args()]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes"]  # last, so that they hold
    command += ["--dest", str(folder), "--requirement", str(requirement)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if other := _OTHER_HASH.search(done.stderr):
        raise _other_file(release, other[1], sha256)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise DataError(
            f"pip cannot download {release}: {_reason(done.stderr)}; check the network, or name a "
            "package index or a folder of wheels in PIP_ARGS"
        )
    return wheels[0]


def _pip_args() -> list[str]:
    try:
        return shlex.split(os.environ.get("PIP_ARGS", ""))
    except ValueError as error:
        raise DataError(f"PIP_ARGS cannot be read as pip options: {error}") from error


def _other_file(release: str, actual: str, pinned: str) -> DataError:
    return DataError(
        f"{release} has sha256 {actual}, but the recipe says {pinned}; it is not the file that was "
        "pinned, do not use it"
    )


def _reason(stderr: str) -> str:
    if _UNREACHABLE.search(stderr):
        return "the package index cannot be reached"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    reason = (errors or lines or ["pip gave no reason"])[-1]
    return reason.removeprefix("ERROR: ").rstrip(".")[:200]
