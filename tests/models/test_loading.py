"""Names become folders, folders become models, and damage is one clear line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from steadycode.errors import ModelError
from steadycode.files import read_json
from steadycode.models import (
    check_folder,
    device_class,
    earlier_fingerprint,
    fingerprint,
    load,
    pick_device,
    pick_dtype,
)


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


def test_what_decides_the_last_bits_of_a_sum_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA Example")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    has = {"avx2": True, "amx_int8": False, "avx512_bf16": True, "amx_bf16": True, "threads": 7}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    for name in ("ONEDNN_MAX_CPU_ISA", "MKL_CBWR"):
        monkeypatch.delenv(name, raising=False)
    classes = {device: device_class(device) for device in ("cpu", "cuda", "cuda:1", "mps")}
    assert classes == {
        "cpu": "cpu, 7 threads, AVX512 amx_bf16 avx512_bf16",
        "cuda": "NVIDIA Example",
        "cuda:1": "NVIDIA Example",
        "mps": "mps",
    }


@pytest.mark.parametrize("limit", ["ATEN_CPU_CAPABILITY=avx2", "ONEDNN_MAX_CPU_ISA=AVX2"])
def test_a_processor_that_must_not_use_all_it_has_is_another(limit: str) -> None:
    if "AVX512" not in device_class("cpu"):
        pytest.skip("this processor has nothing that could be forbidden")
    asked = "from steadycode.models import device_class; print(device_class('cpu'))"
    name, _, value = limit.partition("=")
    told = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip().partition(" threads")[2] != device_class("cpu").partition(" thr")[2]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    with pytest.raises(ModelError) as fault:
        check_folder(tmp_path / "model")
    assert str(fault.value) == (
        f"{tmp_path / 'model'} is not a folder; name one that holds a saved model"
    )


@pytest.mark.parametrize(
    "name", ["chat_template.jinja", "additional_chat_templates/tools.jinja", "adapter_config.json"]
)
def test_templates_and_adapters_are_part_of_the_fingerprint(tiny: Path, name: str) -> None:
    before, earlier = fingerprint(tiny), earlier_fingerprint(tiny)
    (tiny / name).parent.mkdir(exist_ok=True)
    (tiny / name).write_text("{}")
    assert fingerprint(tiny) != before
    assert earlier_fingerprint(tiny) == earlier


def test_a_folder_of_adapters_is_refused_in_one_line(tmp_path: Path) -> None:
    for name in ("adapter_config.json", "adapter_model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ModelError, match=r"holds adapters .*merge them into their base model"):
        check_folder(tmp_path)


def test_a_folder_of_pickled_weights_says_what_to_do(tiny: Path) -> None:
    (tiny / "model.safetensors").rename(tiny / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pickled weights \(pytorch_model\.bin\).* convert"):
        load(tiny, "float32")
