"""Misfits of models, settings, data and machine, each told before anything is spent on it."""

import json
import shutil
import struct
from pathlib import Path

import pytest

from steadycode.config import Config, load_config
from steadycode.errors import ConfigError, DataError, ModelError
from steadycode.models import load_tokenizer
from steadycode.models.tiny import tiny_tokenizer
from steadycode.models.tokens import tokenizer_fingerprint
from steadycode.project import Project
from steadycode.retraining import fit

SMOKE = load_config("smoke")


def copy_of(folder: Path, to: Path, tokens: int | None = None) -> Path:
    shutil.copytree(folder, to)
    if tokens:
        tiny_tokenizer(tokens).save_pretrained(to)
    return to


def check(config: Config, folder: Path) -> None:
    fit.check_training(Project(folder), config.train, folder)
    fit.check_evaluating(config.evaluate, folder)


@pytest.mark.parametrize(
    "override",
    ["train.sequence_length=2049", "evaluate.heldout_tokens=2049",
     "evaluate.decoding.max_new_tokens=2048"],
)  # fmt: skip
def test_no_model_is_asked_to_read_more_than_it_can(tiny_folder: Path, override: str) -> None:
    key = override.partition("=")[0]
    config = load_config("smoke", [override])
    with pytest.raises(ConfigError, match=rf"^{key} asks .* 2049 tokens, it can 2048; lower it$"):
        check(config, tiny_folder)
    check(load_config("smoke", [f"{key}={2047 if 'new' in key else 2048}"]), tiny_folder)


def test_a_chat_needs_a_template(tiny_folder: Path) -> None:
    fit.check_evaluating(SMOKE.evaluate, tiny_folder)
    chat = load_config("smoke", ["evaluate.decoding.style=chat"])
    with pytest.raises(ModelError, match=r"no chat template; set evaluate\.decoding\.style"):
        fit.check_evaluating(chat.evaluate, tiny_folder)


def test_a_champion_of_another_tokenizer_is_met_before_training(
    tiny_folder: Path, tmp_path: Path
) -> None:
    other = copy_of(tiny_folder, tmp_path / "other", tokens=600)
    with pytest.raises(ConfigError, match=r"different tokenizers.*registered_name \(now n\)"):
        fit.check_tokenizer(other, tiny_folder, "n")
    fit.check_tokenizer(tiny_folder, copy_of(tiny_folder, tmp_path / "copy"), "n")


def test_a_tokenizer_is_the_same_however_it_was_saved(tiny_folder: Path, tmp_path: Path) -> None:
    saved = copy_of(tiny_folder, tmp_path / "saved")
    path = saved / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))
    assert fit.same_tokenizer(saved, tiny_folder)
    rules = json.loads(path.read_text())
    rules["pre_tokenizer"]["add_prefix_space"] = True
    path.write_text(json.dumps(rules))
    assert not fit.same_tokenizer(saved, tiny_folder)


@pytest.mark.parametrize(
    "rule",
    [
        {"normalizer": {"type": "NFC"}},
        {"normalizer": {"type": "Replace", "pattern": {"String": "qzx"}, "content": "q"}},
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
             "use_regex": True}]}},
    ],
)  # fmt: skip
def test_tokenizers_are_the_same_before_training_only_if_the_gate_calls_them_so(
    rule: dict[str, object], tiny_folder: Path, tmp_path: Path
) -> None:
    other = copy_of(tiny_folder, tmp_path / "other")
    path = other / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | rule))
    mine, theirs = (tokenizer_fingerprint(load_tokenizer(f)) for f in (other, tiny_folder))
    assert mine != theirs
    assert not fit.same_tokenizer(other, tiny_folder)


def test_a_champion_of_another_chat_template_is_met_before_training(
    tiny_folder: Path, tmp_path: Path
) -> None:
    texts = ("{{ messages[0]['content'] }}", "Q: {{ messages[0]['content'] }} A:")
    one, other = (copy_of(tiny_folder, tmp_path / str(n)) for n in range(2))
    for folder, text in zip((one, other), texts, strict=True):
        (folder / "chat_template.jinja").write_text(text)
    chat = load_config("smoke", ["evaluate.decoding.style=chat"]).evaluate
    assert fit.same_tokenizer(one, other)
    with pytest.raises(ConfigError, match=r"different chat templates.*registered_name \(now n\)"):
        fit.check_template(chat, one, other, "n")
    fit.check_template(chat, one, one, "n")
    fit.check_template(SMOKE.evaluate, one, other, "n")


def sparse_model(folder: Path, weights: int) -> Path:
    """A safetensors file of one tensor that is a hole, which takes no space."""
    folder.mkdir()
    tensor = {"dtype": "U8", "shape": [weights], "data_offsets": [0, weights]}
    header = json.dumps({"w": tensor}).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + weights)
    return folder


def test_a_disk_that_holds_no_checkpoint_is_told(tiny_folder: Path, tmp_path: Path) -> None:
    project = Project(tmp_path)
    fit.check_space(project, SMOKE.train, tiny_folder)
    free = shutil.disk_usage(tmp_path).free
    model = sparse_model(tmp_path / "model", free // 20)  # of which a checkpoint takes 12 times
    few = load_config("smoke", ["train.steps=4", "train.checkpoint_every=2"])
    fit.check_space(project, few.train, model)  # one checkpoint, at step 2
    more = load_config("smoke", ["train.steps=9", "train.checkpoint_every=2"])
    with pytest.raises(ConfigError, match=r"keeps 3 checkpoints .* GB are free; `steadycode gc`"):
        fit.check_space(project, more.train, model)
    fit.check_space(project, load_config("smoke", ["train.lora={rank: 4}"]).train, model)


def test_checkpoints_to_continue_from_count_as_free(tmp_path: Path) -> None:
    project = Project(tmp_path)
    free = shutil.disk_usage(tmp_path).free
    model = sparse_model(tmp_path / "model", free // 20)
    more = load_config("smoke", ["train.steps=9", "train.checkpoint_every=2"])
    kept = project.attempt("abc", 1) / "train" / "checkpoints"
    kept.mkdir(parents=True)
    with (kept / "state.safetensors").open("wb") as file:
        file.truncate(2 * 12 * (free // 20))
    fit.check_space(project, more.train, model)


def test_adapters_need_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    fit.check_machine(SMOKE.train)
    lora = load_config("smoke", ["train.lora={rank: 4}"]).train
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"train\.lora needs the package peft; run pip install"):
        fit.check_machine(lora)


def test_without_heldout_documents_nothing_is_begun(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.data.mkdir()
    (project.data / "valid.jsonl").write_text('{"content": "x = 1"}\n')
    with pytest.raises(DataError, match=r"no .*test\.jsonl to take the held-out loss of; run `st"):
        fit.check_documents(project, "valid", "test")
    (project.data / "test.jsonl").touch()
    with pytest.raises(DataError, match=r"test\.jsonl holds no documents"):
        fit.check_documents(project, "valid", "test")
    (project.data / "test.jsonl").write_text('{"content": "x = 1"}\n')
    fit.check_documents(project, "valid", "test")
