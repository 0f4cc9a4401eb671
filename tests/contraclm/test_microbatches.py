"""However a batch is cut, packed and shared among processes, loss and gradients are the same."""

import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from steadycode.config import TrainConfig
from steadycode.contraclm import terms, trainer
from steadycode.contraclm.microbatches import micro_batches

REPOSITORY = Path(__file__).parents[2]
LENGTHS = (33, 9, 20, 5, 33, 14, 26, 3, 11, 30, 7)
CASES: dict[str, dict[str, Any]] = {
    "mle": {"mode": "mle"},
    "both": {"mode": "both"},
    "packed": {"mode": "both", "packing": True},
    "batch negatives": {"mode": "both", "sequence_negatives": "batch"},
    "packed, batch negatives": {
        "mode": "sequence",
        "packing": True,
        "sequence_negatives": "batch",
    },
}


def still_views(hidden: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Views that do not depend on the order of random draws."""
    return hidden, hidden + 0.1 * hidden.roll(1, -1)


def sequences() -> list[list[int]]:
    return [[(7 * i + 13 * j * j) % 300 for j in range(n)] for i, n in enumerate(LENGTHS)]


def step(model: Any, tokenizer: Any, micro_batch_size: int, **changes: Any) -> dict[str, Tensor]:
    """Terms and gradients of one optimiser step, before the weights change."""
    given = TrainConfig(
        micro_batch_size=micro_batch_size,
        sequence_length=32,
        precision="fp32",
        clip_norm=1e9,
        temperature=0.2,
        **changes,
    )
    run = trainer._Run(model.train(), tokenizer, given, 0, [], lambda *told: None)
    chosen = sequences()
    values, _ = run._accumulate(1, chosen, sum(len(ids) - 1 for ids in chosen))
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return {**found, "terms": values[:3]}


@pytest.fixture
def stepped(
    make_model: Callable[..., Any], tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Tensor]]:
    monkeypatch.setattr(terms, "functional_dropout_views", still_views)
    return lambda size, **changes: step(make_model(), tokenizer, size, **changes)


def assert_same(got: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        assert (got[name] - value).norm() <= 1e-5 * value.norm(), name


@pytest.mark.parametrize("mode", ["mle", "token", "sequence", "both"])
def test_packed_equals_unpacked(stepped: Any, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    forward = terms.Terms.forward

    def counted(self: terms.Terms, batch: Any) -> Any:
        rows.append(len(batch.inputs))
        return forward(self, batch)

    monkeypatch.setattr(terms.Terms, "forward", counted)
    assert_same(stepped(99, mode=mode, packing=True), stepped(99, mode=mode))
    packed, unpacked = rows
    assert packed < unpacked == len(LENGTHS)


@pytest.mark.parametrize("mode", ["sequence", "both"])
@pytest.mark.parametrize("packing", [False, True])
def test_cached_negatives_equal_one_large_micro_batch(
    stepped: Any, mode: str, packing: bool
) -> None:
    expected = stepped(99, mode=mode)
    for size in (1, 2, 4):
        cached = stepped(size, mode=mode, sequence_negatives="batch", packing=packing)
        assert_same(cached, expected)
    apart = stepped(3, mode=mode)  # and without the cache it is another loss
    assert abs(apart["terms"][2] - expected["terms"][2]) > 0.1


def textbook_step(model: Any, tokenizer: Any, temperature: float) -> tuple[Tensor, dict[str, Any]]:
    """The sequence term of all sequences, one anchor after the other, and the gradients of it and
    the cross-entropy."""
    vectors: tuple[list[Tensor], list[Tensor]] = ([], [])
    losses = []
    for ids in sequences():
        inputs = torch.tensor([ids[:-1]])
        output = model(inputs, output_hidden_states=True)
        losses.append(-output.logits[0].log_softmax(-1)[range(len(ids) - 1), ids[1:]])
        for found, view in zip(vectors, still_views(output.hidden_states[-1], 0.1), strict=True):
            found.append(view[0].mean(0))
    items = [vector / vector.norm() for view in vectors for vector in view]
    n = len(vectors[0])
    anchors = []
    for i, anchor in enumerate(items):
        others = [anchor @ other / temperature for j, other in enumerate(items) if j != i]
        positive = anchor @ items[(i + n) % (2 * n)] / temperature
        anchors.append(torch.stack(others).exp().sum().log() - positive)
    term = torch.stack(anchors).mean()
    (term + torch.cat(losses).mean()).backward()
    return term.detach(), {name: p.grad for name, p in model.named_parameters()}


@pytest.mark.parametrize(
    ("size", "packing"),
    [(1, False), (2, False), (5, False), (1, True)],
    ids=["one row each", "a row is left over", "a row is left over by five", "one packed row each"],
)
def test_no_sequence_is_without_negatives(
    make_model: Callable[..., Any],
    tokenizer: Any,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    packing: bool,
) -> None:
    """Against the textbook's loss of all sequences, in float64 (but for ours of the head)."""
    monkeypatch.setattr(terms, "functional_dropout_views", still_views)
    expected, gradients = textbook_step(make_model().double(), tokenizer, 0.2)
    got = step(make_model().double(), tokenizer, size, mode="sequence", packing=packing)
    assert got["terms"][2].item() == pytest.approx(expected.item(), rel=1e-6)
    for name, gradient in gradients.items():
        assert (got[name] - gradient).norm() <= 1e-6 * gradient.norm(), name


def test_a_training_says_once_that_it_compares_the_whole_batch(
    make_model: Callable[..., Any], tokenizer: Any
) -> None:
    def told_of(**changes: Any) -> list[str]:
        told: list[str] = []
        settings = TrainConfig(
            steps=2, batch_size=5, sequence_length=32, warmup_steps=0, precision="fp32", **changes
        )
        rows = itertools.cycle(sequences())
        trainer.train(make_model(), tokenizer, rows, settings, 0, on_message=told.append)
        return told

    (line,) = told_of(micro_batch_size=4)
    assert "a micro-batch holds a single sequence" in line
    assert told_of(micro_batch_size=3) == []
    assert told_of(micro_batch_size=4, sequence_negatives="batch") == []
    assert told_of(micro_batch_size=1, mode="token") == []


def test_a_figure_that_nothing_was_compared_for_is_not_reported(
    make_model: Callable[..., Any], tokenizer: Any
) -> None:
    figures: set[str] = set()
    settings = TrainConfig(
        steps=1, batch_size=3, micro_batch_size=1, sequence_length=32, mode="token"
    )
    rows = itertools.cycle(sequences())
    trainer.train(
        make_model(), tokenizer, rows, settings, 0, on_metric=lambda name, *_: figures.add(name)
    )
    assert "train/loss_token" in figures
    assert "train/loss_sequence" not in figures


def test_cached_negatives_draw_the_same_dropout_twice(
    make_model: Callable[..., Any], tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the gradient would belong to other views than it is applied to."""
    drawn: list[Tensor] = []
    real = terms.functional_dropout_views

    def noted(hidden: Tensor, p: float) -> tuple[Tensor, Tensor]:
        views = real(hidden, p)
        drawn.append(views[0].detach())
        return views

    monkeypatch.setattr(terms, "functional_dropout_views", noted)
    step(make_model(), tokenizer, 4, mode="both", sequence_negatives="batch")
    first, second = drawn[:3], drawn[3:]
    assert len(first) == len(second) == 3
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b)


def test_two_processes_equal_one(stepped: Any, tmp_path: Path) -> None:
    """By gloo, through accelerate and DistributedDataParallel; 2 x 2 rows against 4."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = f"""
import json, sys
sys.path.insert(0, {str(REPOSITORY)!r})
from safetensors.torch import save_file
from tests.builders.llama import make_tokenizer, tiny_model
from tests.contraclm import test_microbatches as here
here.terms.functional_dropout_views = here.still_views
for number, changes in enumerate(json.loads(sys.argv[1])):
    found = here.step(tiny_model(), make_tokenizer(), 2, **changes)
    save_file(found, sys.argv[2] + f"-{{number}}.safetensors")
"""
    cases = list(CASES.values())
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, json.dumps(cases), str(tmp_path / str(rank))],
            env={
                **os.environ,
                "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
                "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                "OMP_NUM_THREADS": "1",
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors[-2000:]
    for number, changes in enumerate(cases):
        expected = stepped(4, **changes)
        for rank in range(2):
            assert_same(load_file(tmp_path / f"{rank}-{number}.safetensors"), expected)


def test_every_process_has_as_many_micro_batches_and_together_they_hold_all() -> None:
    chosen = sequences()
    for rows, packing in ((1, None), (2, None), (3, 40), (1, 33)):
        shares = [
            micro_batches(chosen, rows, 0, pack_width=packing, process=p, processes=3)
            for p in range(3)
        ]
        for together in zip(*shares, strict=True):
            assert len({micro.counts for micro in together}) == 1
        found = [m.batch.targets[m.batch.mask] for share in shares for m in share]
        expected = torch.cat([torch.tensor(ids[1:]) for ids in chosen])
        assert torch.cat(found).sort().values.equal(expected.sort().values)
        assert sum(micro.sequences for micro in shares[0]) == len(chosen)
