"""The cache first; then a download that the user asked for, though the project is offline."""

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants

from steadycode.hub import HubError, snapshot


class Hub:
    """In the place of the download: what it was asked for, and whether it might use the network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cached = False
        self.fault: Exception | None = None
        self.asked: list[tuple[str, bool]] = []

    def __call__(self, name: str, **options: Any) -> str:
        local = options.pop("local_files_only", False)
        assert options == {"repo_type": "model", "allow_patterns": ["*.json"]}
        self.asked.append(("cache" if local else "hub", bool(constants.HF_HUB_OFFLINE)))
        if local and not self.cached:
            raise OSError("not there")
        if not local and self.fault:
            raise self.fault
        return str(self.folder)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", made)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # as every project has it
    return made


def ask(usable: bool = True, said: list[str] | None = None) -> Path:
    told = [] if said is None else said
    return snapshot("org/x", ("*.json",), lambda folder: usable, kind="model",
                    before_download=lambda: told.append("download"))  # fmt: skip


def test_what_the_cache_holds_is_not_downloaded(hub: Hub) -> None:
    hub.cached = True
    said: list[str] = []
    assert ask(said=said) == hub.folder
    assert (hub.asked, said) == ([("cache", True)], [])


@pytest.mark.parametrize("cached", [False, True])
def test_what_is_missing_or_unusable_is_downloaded(hub: Hub, cached: bool) -> None:
    hub.cached = cached
    said: list[str] = []
    assert ask(usable=False, said=said) == hub.folder
    assert hub.asked == [("cache", True), ("hub", False)]
    assert said == ["download"]
    assert constants.HF_HUB_OFFLINE  # as before


def test_a_fault_of_the_hub_is_one_line(hub: Hub) -> None:
    hub.fault = ConnectionError("no\nroute " + "x" * 300)
    with pytest.raises(HubError) as fault:
        ask()
    assert str(fault.value) == ("no route " + "x" * 300)[:200]
    assert constants.HF_HUB_OFFLINE
