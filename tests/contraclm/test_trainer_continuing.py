"""A training that is stopped and continued ends where it would have ended, bit for bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from steadycode.config import TrainConfig
from steadycode.contraclm.sequences import training_sequences
from steadycode.contraclm.trainer import train

Metric = tuple[str, float, int]
STEPS = 5


class Stop(Exception):
    """In the place of a kill."""


class Training:
    """One training in as many tries as it takes. What was told behind the newest checkpoint is
    forgotten, as the stage does it."""

    def __init__(
        self, folder: Path, make_model: Any, tokenizer: Any, documents: list[str], **changes: Any
    ) -> None:
        given: dict[str, Any] = {
            "steps": STEPS, "batch_size": 5, "micro_batch_size": 2, "sequence_length": 32,
            "learning_rate": 1e-3, "warmup_steps": 2, "precision": "fp32",
            "heldout_every": 2, "checkpoint_every": 2,
        }  # fmt: skip
        self.settings = TrainConfig(**{**given, **changes})
        self.folder, self.make_model = folder, make_model
        self.tokenizer, self.documents = tokenizer, documents
        self.newest: Path | None = None
        self.metrics: list[Metric] = []
        self.kept = 0
        self.steps: list[int] = []

    def run(self, stop_at: int | None = None, while_saving: bool = False) -> Any:
        """The trained model, or Stop behind step ``stop_at``, before or in its checkpoint."""
        model = self.make_model()
        del self.metrics[self.kept :]

        def on_progress(done: int, total: int) -> None:
            self.steps.append(done)
            if done == stop_at and not while_saving:
                raise Stop

        def on_checkpoint(step: int, write: Callable[[Path], None]) -> None:
            if step == stop_at:  # measured already
                raise Stop
            write(self.folder / str(step))
            self.newest, self.kept = self.folder / str(step), len(self.metrics)

        train(
            model,
            self.tokenizer,
            training_sequences(self.tokenizer, self.documents, 32, seed=3),
            self.settings,
            3,
            heldout=self.documents[:4],
            on_metric=lambda name, value, step: self.metrics.append((name, value, step)),
            on_progress=on_progress,
            on_checkpoint=on_checkpoint,
            resume=self.newest,
        )
        return model


@pytest.fixture
def training(
    tmp_path: Path, make_model: Any, tokenizer: Any, documents: list[str]
) -> Callable[..., Training]:
    def make(name: str, **changes: Any) -> Training:
        return Training(tmp_path / name, make_model, tokenizer, documents, **changes)

    return make


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "mle"},
        {"mode": "both"},
        {"mode": "both", "views": "two_pass", "sequence_negatives": "batch", "packing": True},
        {"mode": "token", "lora": {"rank": 2, "dropout": 0.1}},
    ],
)
def test_stopped_anywhere_it_ends_the_same(training: Any, changes: dict[str, Any]) -> None:
    if "lora" in changes:
        pytest.importorskip("peft", reason="the extra lora is not installed")
    through = training("through", **changes)
    expected = through.run()
    behind_a_step = [(step, False) for step in range(1, STEPS + 1)]
    for stop_at, while_saving in [*behind_a_step, (2, True), (4, True)]:
        stopped = training(f"{stop_at} {while_saving}", **changes)
        with pytest.raises(Stop):
            stopped.run(stop_at, while_saving)
        _assert_same(expected, stopped.run(), through.metrics, stopped.metrics)
        kept = (stop_at - 1) // 2 * 2
        assert stopped.steps == [*range(1, stop_at + 1), *range(kept + 1, STEPS + 1)]


def test_stopped_again_and_again(training: Any) -> None:
    through, stopped = training("through"), training("stopped")
    expected = through.run()
    for stop_at in (1, 3, 4, 5):
        with pytest.raises(Stop):
            stopped.run(stop_at)
    _assert_same(expected, stopped.run(), through.metrics, stopped.metrics)


def test_a_checkpoint_changes_nothing_and_none_is_made_at_the_end(training: Any) -> None:
    often, never = training("often", steps=4), training("never", steps=4, checkpoint_every=4)
    _assert_same(never.run(), often.run(), never.metrics, often.metrics)
    assert [path.name for path in often.folder.iterdir()] == ["2"]
    assert not never.folder.exists()


def test_untied_weights_are_kept_apart(training: Any, make_model: Any) -> None:
    through, stopped = training("through"), training("stopped")
    for one in (through, stopped):
        one.make_model = lambda: make_model(tie_word_embeddings=False)
    expected = through.run()
    with pytest.raises(Stop):
        stopped.run(5)
    _assert_same(expected, stopped.run(), through.metrics, stopped.metrics)


def test_the_callers_random_state_is_left_alone(training: Any) -> None:
    stopped = training("stopped")
    before = torch.get_rng_state()
    with pytest.raises(Stop):
        stopped.run(5)
    assert torch.equal(torch.get_rng_state(), before)
    stopped.run()
    assert torch.equal(torch.get_rng_state(), before)


def _assert_same(a: Any, b: Any, told_a: list[Metric], told_b: list[Metric]) -> None:
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        assert torch.equal(p, q)
    machine = ("train/tokens_per_second", "train/memory_mb")
    assert [m for m in told_a if m[0] not in machine] == [m for m in told_b if m[0] not in machine]
    assert [m[::2] for m in told_a] == [m[::2] for m in told_b]
