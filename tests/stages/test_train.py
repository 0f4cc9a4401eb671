"""The training stage as a process of its own, with a tiny model on the real path."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steadycode.config import TrainConfig
from steadycode.errors import ConfigError, StageFailed, SteadycodeError
from steadycode.jobs.child import run_body
from steadycode.jobs.job import Job, trusted_manifest
from steadycode.jobs.parent import run_stage
from steadycode.models import fingerprint, load
from steadycode.models.tiny import save_tiny
from steadycode.stages.train import body

RECIPE = {
    "seed": 0, "vocabulary": 400, "hidden": 32, "layers": 2, "heads": 4, "window": 256,
    "dtype": "bfloat16",
}  # fmt: skip


@pytest.fixture
def job(tmp_path: Path) -> Any:
    """Makes the job of a short training; keyword arguments change its settings."""
    model = tmp_path / "start"
    model.mkdir()
    save_tiny(RECIPE, model)
    for name, count in (("train", 40), ("valid", 8)):
        rows = [
            {"content": f"def {name}_{i}(x):\n    y = x + {i}\n    return y * {i}\n"}
            for i in range(count)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(text)

    def make(folder: str = "work", **changes: Any) -> Job:
        settings = TrainConfig(
            steps=3, batch_size=4, micro_batch_size=2, sequence_length=48, heldout_every=2,
            precision="fp32",
        )  # fmt: skip
        (tmp_path / folder).mkdir()
        return Job(
            stage="train",
            folder=tmp_path / folder,
            seed=7,
            settings={**settings.model_dump(mode="json"), "max_documents": 20, **changes},
            inputs={
                "model": str(model),
                "train": str(tmp_path / "train.jsonl"),
                "heldout": str(tmp_path / "valid.jsonl"),
            },
        )

    return make


def test_trains_and_leaves_a_model_behind_a_manifest(job: Any, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    work = job()
    manifest = run_stage(work, events.append)
    assert trusted_manifest(work) == manifest
    assert {"model/model.safetensors", "model/config.json", "model/tokenizer.json"} <= set(
        manifest.outputs
    )
    trained = load(work.folder / "model", "bfloat16")
    assert trained.fingerprint != fingerprint(tmp_path / "start")
    config = json.loads((work.folder / "model" / "config.json").read_text())
    assert config["dtype"] == "bfloat16"  # as the start model
    assert str(tmp_path) not in (work.folder / "model" / "config.json").read_text()
    assert str(tmp_path) not in (work.folder / "model" / "tokenizer_config.json").read_text()

    progress = [event for event in events if event["kind"] == "progress"]
    assert [(e["label"], e["done"], e["total"]) for e in progress] == [
        ("train", step, 3) for step in (1, 2, 3)
    ]
    metrics = {(e["name"], e["step"]) for e in events if e["kind"] == "metric"}
    assert {("train/loss", 3), ("valid/loss", 0), ("valid/isotropy", 3)} <= metrics
    messages = [event["text"] for event in events if event["kind"] == "message"]
    assert messages[0].startswith("training on 20 documents, both objective")


def test_the_same_job_elsewhere_gives_the_same_bytes(job: Any) -> None:
    outputs = []
    for name in ("one", "two"):
        work = job(name)
        work.write()
        outputs.append(run_body("train", body, work.path).outputs)
    assert outputs[0] == outputs[1]


KILLED_AT = """
import os, runpy, signal, sys
import safetensors.torch
from steadycode.contraclm import checkpoint
from steadycode.jobs.child import Events

MOMENT, AT = sys.argv[1], int(sys.argv[2])

def die(moment, step):
    if (moment, step) == (MOMENT, AT):
        os.kill(os.getpid(), signal.SIGKILL)

def behind(module, name, moment, step_of):
    done = getattr(module, name)
    def patched(*given):
        result = done(*given)
        die(moment, step_of(*given))
        return result
    setattr(module, name, patched)

def torn(tensors, path, **options):
    whole(tensors, path, **options)
    if MOMENT == "saving" and f"step-{AT:06d}." in str(path):
        os.truncate(path, path.stat().st_size // 2)
        die("saving", AT)

whole = safetensors.torch.save_file
safetensors.torch.save_file = torn
behind(Events, "progress", "step", lambda events, label, done, total: done)
behind(checkpoint, "save", "model", lambda *given: 0)
sys.argv[:] = sys.argv[3:]
runpy.run_module(sys.argv[0], run_name="__main__")
"""


def test_killed_again_and_again_it_gives_the_same_bytes(job: Any, tmp_path: Path) -> None:
    changes = {"steps": 7, "checkpoint_every": 2}
    script = tmp_path / "killed_at.py"
    script.write_text(KILLED_AT)
    through, work = job("through", **changes), job(**changes)
    through.write()
    outputs = run_body("train", body, through.path).outputs

    def run(moment: str, at: int) -> Any:
        told.clear()
        return run_stage(work, told.append, launcher=(sys.executable, str(script), moment, str(at)))

    told: list[dict[str, Any]] = []
    steps = []
    for moment in (("saving", 4), ("step", 5), ("model", 0)):
        with pytest.raises(StageFailed, match="SIGKILL"):
            run(*moment)
        steps.append([event["done"] for event in told if event["kind"] == "progress"])
    assert steps == [[*range(1, 5)], [*range(1, 6)], [*range(1, 8)]]
    assert run("never", 0).outputs == outputs

    expected = [json.loads(line) for line in (through.folder / "events.jsonl").open()]
    assert _figures(told) == _figures(expected)
    assert _figures(told)["valid/loss"].keys() == {0, 2, 4, 6, 7}
    messages = [event["text"] for event in told if event["kind"] == "message"]
    assert messages[0].startswith("training on 20 documents, both objective")
    assert messages[1:] == [f"continuing from step {step}" for step in (2, 4, 6)]
    assert not list(work.folder.glob("*checkpoint*"))


def _figures(events: list[dict[str, Any]]) -> dict[str, dict[int, float]]:
    """Name -> step -> value, each told once, without what depends on the machine."""
    machine = ("train/tokens_per_second", "train/memory_mb")
    figures: dict[str, dict[int, float]] = {}
    for event in events:
        if event["kind"] == "metric" and event["name"] not in machine:
            assert event["step"] not in figures.setdefault(event["name"], {})
            figures[event["name"]][event["step"]] = event["value"]
    return figures


def test_a_fault_crosses_the_process_boundary_as_one_line(job: Any) -> None:
    with pytest.raises(
        SteadycodeError, match=r"^train.sequence_length is 300, but the model reads"
    ):
        run_stage(job(sequence_length=300), lambda event: None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, r"train.steps: input should be greater than or equal to 1 \(got 0\)"),
        ({"stepz": 3}, r"train.stepz: there is no such key"),
        ({"batch_size": 1}, r"batch_size is 1, so the sequence term would have nothing"),
        ({"max_documents": 0}, r"data.max_documents: input should be greater than or equal to 1"),
        ({"max_documents": "all"}, r"data.max_documents: input should be a valid integer"),
    ],
)
def test_settings_that_are_not_ours_are_named(
    job: Any, changes: dict[str, Any], message: str
) -> None:
    work = job(**changes)
    work.write()
    with pytest.raises(ConfigError, match=message):
        run_body("train", body, work.path)


def test_a_group_of_processes_trains_one_model(job: Any) -> None:
    """On a CPU by gloo, as on GPUs by NCCL; the first process alone tells and writes."""
    told: list[dict[str, Any]] = []
    manifest = run_stage(job("pair", processes=2, micro_batch_size=2), told.append)
    alone: list[dict[str, Any]] = []
    run_stage(job("alone", processes=1, micro_batch_size=4), alone.append)
    figures, expected = _figures(told), _figures(alone)
    assert figures.keys() == expected.keys()
    for name in ("train/loss_mle", "valid/loss"):  # dropout of the views is each one's own
        assert figures[name].keys() == expected[name].keys()
        assert figures[name] == pytest.approx(expected[name], rel=1e-3)
    assert figures["train/loss_mle"][1] == pytest.approx(expected["train/loss_mle"][1], rel=1e-5)
    # both compare four sequences at once; two at a time would give log 3 in the place of log 7
    sequence = "train/loss_sequence"
    assert figures[sequence][1] == pytest.approx(expected[sequence][1], rel=0.1)
    assert "model/model.safetensors" in manifest.outputs


@pytest.mark.slow
def test_a_fault_in_a_group_is_one_line_too(job: Any) -> None:
    with pytest.raises(SteadycodeError, match=r"^train.sequence_length is 300, but the model"):
        run_stage(job(sequence_length=300, processes=2), lambda event: None)


def test_a_disk_too_full_for_the_model_is_told_and_the_checkpoint_stays(
    job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As safetensors reports it, part of the file being written."""
    from safetensors import SafetensorError
    from transformers import PreTrainedModel

    def full(self: Any, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    work = job(checkpoint_every=2)
    work.write()
    monkeypatch.setattr(PreTrainedModel, "save_pretrained", full)
    with pytest.raises(SteadycodeError, match=r"no space left for the trained model in .*free"):
        run_body("train", body, work.path)
    assert not (work.folder / "model").exists()
    assert (work.folder / "checkpoints" / "step-000002" / "state.safetensors").is_file()


def test_an_input_that_a_job_does_not_name_is_told(job: Any) -> None:
    work = replace(job(), inputs={"train": "a", "heldout": "b"})
    work.write()
    with pytest.raises(ConfigError, match=r"job\.json: inputs\.model is missing"):
        run_body("train", body, work.path)
