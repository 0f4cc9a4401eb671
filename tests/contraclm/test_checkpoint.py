import json
from pathlib import Path
from typing import Any

import pytest
import torch

from steadycode.config import TrainConfig
from steadycode.contraclm import trainer
from steadycode.contraclm.checkpoint import load_state, save, save_state, stored_dtype
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


@pytest.fixture
def saved(model: Any, tmp_path: Path) -> Path:
    """The state behind one step."""
    save_state(model, _stepped(model), 6, tmp_path / "state")
    return tmp_path / "state"


def test_a_state_is_plain_tensors_and_a_little_json(saved: Path, model: Any) -> None:
    from safetensors.torch import load_file

    assert json.loads((saved / "state.json").read_text()) == {"schema": 2, "step": 6}
    tensors = load_file(saved / "state.safetensors")
    weights = {name for name in tensors if name.startswith("weights/")}
    assert weights == {f"weights/{name}" for name, _ in model.named_parameters()}  # tied: once
    assert {name.split("/")[0] for name in tensors} == {"weights", "optimizer"}
    assert {value.dtype for value in tensors.values()} == {torch.float32}
    size = sum(parameter.nbytes for parameter in model.parameters())
    assert (saved / "state.safetensors").stat().st_size == pytest.approx(3 * size, rel=0.1)


def test_a_state_is_put_back_into_the_same_memory(saved: Path, model: Any, make_model: Any) -> None:
    other = make_model(seed=1)
    optimizer = trainer._optimizer(other, TrainConfig())
    places = [parameter.data_ptr() for parameter in other.parameters()]
    assert load_state(other, optimizer, saved) == 6
    assert [parameter.data_ptr() for parameter in other.parameters()] == places
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    assert other.get_output_embeddings().weight is other.get_input_embeddings().weight


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": 2, "step": "6"}', '{"schema": 1, "step": 6}', '{"schema": 2}']
)
def test_a_damaged_note_on_the_step_is_one_line(saved: Path, make_model: Any, text: str) -> None:
    (saved / "state.json").write_text(text)
    model = make_model()
    with pytest.raises(ModelError, match=r"state\.json .*; remove .* to train from the") as caught:
        load_state(model, trainer._optimizer(model, TrainConfig()), saved)
    assert "\n" not in str(caught.value)


def test_what_is_no_such_state_is_named(saved: Path, make_model: Any) -> None:
    optimizer = trainer._optimizer(make_model(), TrainConfig())
    for other in (make_model(hidden_size=64), make_model(num_hidden_layers=3)):
        with pytest.raises(ModelError, match=r"state is no state to continue from \(.*remove it"):
            load_state(other, optimizer, saved)
    content = (saved / "state.safetensors").read_bytes()
    (saved / "state.safetensors").write_bytes(content[:-9])
    with pytest.raises(ModelError, match="no state to continue from"):
        load_state(make_model(), optimizer, saved)


@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_leaves_what_was_there(
    saved: Path, model: Any, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """As safetensors reports it, part of the file being written."""
    from safetensors import SafetensorError

    def full(tensors: Any, path: Path) -> None:
        path.write_bytes(b"half")
        raise SafetensorError(
            "Error while serializing: I/O error: No space left on device (os error 28)"
        )

    monkeypatch.setattr("safetensors.torch.save_file", full)
    before = (saved / "state.safetensors").read_bytes()
    target = saved if there else saved.parent / "new"
    with pytest.raises(OSError, match="No space left") as fault:
        save_state(model, _stepped(model), 7, target)
    assert fault.value.errno == 28
    assert (saved / "state.safetensors").read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["state"]


def _stepped(model: Any) -> torch.optim.Optimizer:
    """The optimiser, one step on."""
    optimizer = trainer._optimizer(model, TrainConfig())
    model(input_ids=torch.arange(9)[None], labels=torch.arange(9)[None]).loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return optimizer
