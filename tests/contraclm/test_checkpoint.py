from pathlib import Path
from typing import Any

import pytest
import torch

from steadycode.contraclm.checkpoint import save, stored_dtype
from steadycode.errors import ModelError
from steadycode.models import load


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_what_is_saved_loads_in_its_dtype(
    model: Any, tokenizer: Any, tmp_path: Path, dtype: torch.dtype
) -> None:
    folder = tmp_path / "model"
    files = save(model, tokenizer, folder, dtype)
    assert files == sorted(folder.iterdir())
    assert stored_dtype(folder) == dtype
    again = load(folder, dtype)
    ids = torch.tensor([again.tokenizer("def add(a, b):").input_ids])
    with torch.no_grad():
        assert torch.equal(again.model(ids).logits, model.eval()(ids).logits)
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}


def test_a_folder_that_is_there_is_replaced_whole(
    model: Any, tokenizer: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "left over").touch()
    files = save(model, tokenizer, folder, torch.float32)
    assert "left over" not in {path.name for path in files}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_failed_save_leaves_what_was_there(model: Any, tokenizer: Any, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save(model, tokenizer, folder, torch.float32)
    before = (folder / "model.safetensors").read_bytes()

    class Broken:
        def save_pretrained(self, folder: Path) -> None:
            raise OSError("no space left on device")

    with torch.no_grad():
        model.model.norm.weight.add_(1)
    with pytest.raises(OSError, match="no space left"):
        save(model, Broken(), folder, torch.float32)
    assert (folder / "model.safetensors").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_weights_that_are_missing_or_damaged_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no safetensors weights"):
        stored_dtype(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 20)
    with pytest.raises(ModelError, match=r"model.safetensors is not a safetensors file"):
        stored_dtype(tmp_path)
