"""Completions kept on disk, so that what a model has said once need not be generated again.

One file holds what was said under equal conditions. Each completion is a line of JSON with its own
checksum, appended by one system call: a kill leaves at most one torn line, two evaluations can
write at once, and a line that is torn, altered or not ours counts as not there.
"""

import json
import os
from pathlib import Path
from typing import Any

from steadycode.errors import SteadycodeError
from steadycode.files import sha256_json, sha256_text
from steadycode.generation.contract import Completion

_Key = tuple[str, str, int]


class Store:
    """Completions by batch, prompt and sample; in memory alone when ``path`` is None.

    ``batch`` names what else a text depends on, and is empty where that is nothing. What others
    append after the file was read is not seen.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._rows: dict[_Key, dict[str, Any]] = {}
        content = path.read_bytes() if path and path.exists() else b""
        for line in content.splitlines():
            if (row := _checked(line)) is not None:
                self._rows[row["batch"], row["prompt"], row["sample"]] = row
        if path and content and not content.endswith(b"\n"):
            self._append(path, b"\n")  # or the next line would be torn too

    def get(self, batch: str, prompt: str, sample: int) -> Completion | None:
        row = self._rows.get((batch, sha256_text(prompt), sample))
        if row is None:
            return None
        return Completion(
            prompt=prompt,
            sample=sample,
            text=row["text"],
            finish_reason=row["finish_reason"],
            mean_logprob=row["mean_logprob"],
        )

    def add(self, batch: str, completion: Completion) -> None:
        """Raises SteadycodeError when the line cannot be written whole."""
        prompt = sha256_text(completion.prompt)
        row = {
            "batch": batch,
            "prompt": prompt,
            "sample": completion.sample,
            "text": completion.text,
            "finish_reason": completion.finish_reason,
            "mean_logprob": completion.mean_logprob,
        }
        self._rows[batch, prompt, completion.sample] = row
        if self._path:
            # ASCII, so that no text can hold what splitlines or another reader takes for a new line
            line = json.dumps({**row, "sha256": sha256_json(row)}, sort_keys=True, allow_nan=False)
            self._append(self._path, line.encode() + b"\n")

    @staticmethod
    def _append(path: Path, data: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                written = os.write(file, data)
            finally:
                os.close(file)
        except OSError as error:
            raise SteadycodeError(f"cannot keep completions in {path}: {error.strerror}") from error
        if written < len(data):
            raise SteadycodeError(
                f"no space left to keep completions in {path.parent}; free some and run this "
                "again, it goes on from here"
            )


def _checked(line: bytes) -> dict[str, Any] | None:
    """The row in ``line`` if it is what was written."""
    try:
        row: dict[str, Any] = json.loads(line)
        return row if row.pop("sha256") == sha256_json(row) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
