"""Names become folders, folders become models, and damage is one clear line."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from steadycode.errors import ModelError
from steadycode.files import read_json
from steadycode.models import check_folder, fingerprint, load, pick_device, pick_dtype


def test_fingerprint_is_of_contents_only(tiny: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    (copy / "manifest.json").unlink()
    (copy / "README.md").write_text("a model")
    assert fingerprint(copy) == fingerprint(tiny)
    (copy / "tokenizer.json").write_bytes((copy / "tokenizer.json").read_bytes() + b" ")
    assert fingerprint(copy) != fingerprint(tiny)


def test_load(tiny: Path) -> None:
    loaded = load(tiny, "float32")
    assert not loaded.model.training
    assert loaded.model.dtype == torch.float32
    assert loaded.fingerprint == fingerprint(tiny)
    text = "def f(x):\n    return x\n"
    tokens = loaded.tokenizer(text).input_ids
    assert loaded.tokenizer.decode(tokens) == text
    assert "Ċ" in " ".join(loaded.tokenizer.convert_ids_to_tokens(tokens))
    assert load(tiny, torch.bfloat16).model.dtype == torch.bfloat16
    assert load(tiny, "float32", attn_implementation="eager").model.config._attn_implementation == (
        "eager"
    )


def test_damaged_weights(tiny: Path) -> None:
    weights = tiny / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="cannot be loaded as a model"):
        load(tiny, "float32")


def test_missing_weights(tiny: Path) -> None:
    tensors = load_file(tiny / "model.safetensors")
    del tensors["model.norm.weight"]
    save_file(tensors, tiny / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 missing keys, e\.g\. model\.norm\.weight"):
        load(tiny, "float32")


def test_a_model_with_code_of_its_own_is_refused(tiny: Path) -> None:
    config = read_json(tiny / "config.json")
    config |= {"model_type": "mine", "auto_map": {"AutoModelForCausalLM": "mine.Model"}}
    (tiny / "config.json").write_text(json.dumps(config))
    (tiny / "mine.py").write_text("raise SystemExit('executed')")
    with pytest.raises(ModelError, match="cannot be loaded as a model"):
        load(tiny, "float32")


def test_pickled_weights_are_not_a_model(tiny: Path) -> None:
    torch.save({}, tiny / "pytorch_model.bin")
    (tiny / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"holds no \*\.safetensors"):
        check_folder(tiny)


@pytest.mark.parametrize(("there", "device"), [(True, "cuda"), (False, "cpu")])
def test_a_gpu_is_taken_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, there: bool, device: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert pick_device() == device


@pytest.mark.parametrize(
    ("capability", "dtype"), [("amx_bf16", torch.bfloat16), ("avx2", torch.float32)]
)
def test_bfloat16_is_taken_where_the_machine_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, capability: str, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"fma": True, capability: True})
    native = {"including_emulation": False}
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda **given: given == native and capability == "amx_bf16",
    )
    for device in ("cpu", "cuda"):
        assert pick_dtype("auto", device) == dtype
        assert pick_dtype("fp32", device) == torch.float32
        assert pick_dtype("bf16", device) == torch.bfloat16
    assert pick_dtype("auto", "mps") == torch.float32


def test_what_is_no_dtype_is_refused(tiny: Path) -> None:
    with pytest.raises(ModelError, match="'half-ish' is not a dtype"):
        load(tiny, "half-ish")
