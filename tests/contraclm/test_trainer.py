import math
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from steadycode.config import TrainConfig
from steadycode.contraclm import terms, trainer
from steadycode.contraclm.checkpoint import save
from steadycode.contraclm.sequences import training_sequences
from steadycode.contraclm.trainer import learning_rate, train
from steadycode.errors import ConfigError, ModelError, SteadycodeError
from steadycode.files import sha256_folder
from tests.builders.zoo import tiny

Metrics = dict[str, list[tuple[int, float]]]


def settings(**changes: Any) -> TrainConfig:
    given = {
        "mode": "mle",
        "steps": 3,
        "batch_size": 6,
        "micro_batch_size": 6,
        "sequence_length": 32,
        "learning_rate": 1e-3,
        "warmup_steps": 1,
        "precision": "fp32",
    }
    return TrainConfig(**{**given, **changes})


@pytest.fixture
def run(
    tokenizer: Any, documents: list[str], make_model: Callable[..., Any]
) -> Callable[..., tuple[Any, Metrics]]:
    """Trains the tiny model; returns it with what was reported."""

    def trained(
        seed: int = 0, heldout: int = 0, model: Any = None, **changes: Any
    ) -> tuple[Any, Metrics]:
        model = make_model() if model is None else model
        metrics: Metrics = {}
        given = settings(**changes)
        train(
            model,
            tokenizer,
            training_sequences(tokenizer, documents, given.sequence_length, seed),
            given,
            seed,
            heldout=documents[:heldout],
            on_metric=lambda name, value, step: metrics.setdefault(name, []).append((step, value)),
        )
        return model, metrics

    return trained


def test_the_first_loss_is_the_cross_entropy_of_the_start_model(
    run: Any, model: Any, tokenizer: Any, documents: list[str]
) -> None:
    _, metrics = run(steps=1)
    sequences = islice(training_sequences(tokenizer, documents, 32, seed=0), 6)
    losses = []
    for ids in sequences:  # one by one, without padding
        with torch.no_grad():
            log_p = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
        losses += [-log_p[i, ids[i + 1]].item() for i in range(len(ids) - 1)]
    expected = math.fsum(losses) / len(losses)
    assert metrics["train/loss_mle"] == [(1, pytest.approx(expected, rel=1e-5))]


def still_views(hidden: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Views that do not depend on the order of random draws."""
    return hidden, hidden + 0.1 * hidden.roll(1, -1)


@pytest.mark.parametrize("mode", ["mle", "token"])
def test_micro_batches_change_nothing(run: Any, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Sequences differ in length, so a mean of micro-batch means would be another loss."""
    monkeypatch.setattr(terms, "functional_dropout_views", still_views)
    whole, expected = run(mode=mode, steps=2)
    for size in (1, 4):
        parts, metrics = run(mode=mode, steps=2, micro_batch_size=size)
        names = ["loss_mle", "loss", "grad_norm"] + ["loss_token"] * (mode != "mle")
        for name in names:
            got = [value for _, value in metrics[f"train/{name}"]]
            wanted = [value for _, value in expected[f"train/{name}"]]
            assert got == pytest.approx(wanted, rel=2e-5), name
        for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("mode", "expected_terms"),
    [
        ("mle", ("mle",)),
        ("token", ("mle", "token")),
        ("sequence", ("mle", "sequence")),
        ("both", ("mle", "token", "sequence")),
    ],
)
def test_the_loss_is_the_sum_of_its_terms(
    run: Any, mode: str, expected_terms: tuple[str, ...]
) -> None:
    _, metrics = run(mode=mode, token_weight=0.5, sequence_weight=0.25)
    weights = {"mle": 1.0, "token": 0.5, "sequence": 0.25}
    for at in range(3):
        expected = sum(
            weights[term] * metrics[f"train/loss_{term}"][at][1] for term in expected_terms
        )
        assert metrics["train/loss"][at][1] == pytest.approx(expected, rel=1e-6)


def test_what_is_reported_and_when(run: Any) -> None:
    _, metrics = run(mode="both", steps=5, heldout_every=2, heldout=4)
    every_step = {
        f"train/{name}"
        for name in (
            "loss_mle", "loss_token", "loss_sequence", "loss", "view_cosine",
            "grad_norm", "learning_rate", "tokens_per_second", "memory_mb",
        )
    }  # fmt: skip
    measured = {
        f"valid/{name}"
        for name in (
            "loss", "perplexity", "intra_similarity", "inter_similarity", "isotropy", "uniformity",
        )
    }  # fmt: skip
    assert set(metrics) == every_step | measured
    for name in every_step:
        assert [step for step, _ in metrics[name]] == [1, 2, 3, 4, 5]
    for name in measured:
        assert [step for step, _ in metrics[name]] == [0, 2, 4, 5]


def test_training_lowers_the_heldout_loss(run: Any) -> None:
    _, metrics = run(steps=30, learning_rate=1e-2, heldout=4, heldout_every=30)
    (_, before), (_, after) = metrics["valid/loss"]
    assert before == pytest.approx(math.log(300), abs=0.1)
    assert after < 0.6 * before


def test_same_seed_same_bytes(run: Any, tokenizer: Any, tmp_path: Path) -> None:
    hashes = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        model, _ = run(mode="both", seed=seed)
        save(model, tokenizer, tmp_path / name, torch.float32)
        hashes.append(sha256_folder(tmp_path / name))
    assert hashes[0] == hashes[1]
    changed = {name for name in hashes[0] if hashes[0][name] != hashes[2][name]}
    assert changed == {"model.safetensors"}


def test_the_callers_random_state_is_left_alone(run: Any) -> None:
    before = torch.get_rng_state()
    run(mode="both", steps=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    given = settings(steps=8, warmup_steps=2, learning_rate=6.0e-3)
    rates = [learning_rate(step, given) for step in range(1, 10)]
    assert rates == pytest.approx([3e-3, 6e-3, 6e-3, 5e-3, 4e-3, 3e-3, 2e-3, 1e-3, 0.0])
    assert learning_rate(1, settings(warmup_steps=0, learning_rate=0.5)) == 0.5
    assert learning_rate(2, settings(steps=2, warmup_steps=4, learning_rate=0.5)) == 0.25


def test_norms_do_not_decay_and_tied_weights_count_once(model: Any) -> None:
    optimizer = trainer._optimizer(model, settings(weight_decay=0.1))
    decayed, kept = optimizer.param_groups
    assert decayed["weight_decay"] == 0.1
    assert kept["weight_decay"] == 0.0
    assert {p.ndim for p in decayed["params"]} == {2}
    assert {p.ndim for p in kept["params"]} == {1}
    embedding = model.get_input_embeddings().weight
    assert model.get_output_embeddings().weight is embedding
    assert sum(p is embedding for p in decayed["params"]) == 1


@pytest.mark.parametrize(
    ("name", "changes", "line"),
    [
        ("mamba", {"lora": {"rank": 4}}, "a mamba model takes no adapters .*; remove train.lora"),
        ("phimoe", {"lora": {"rank": 4}}, "a phimoe model takes no adapters"),
        ("openai-gpt", {"gradient_checkpointing": True}, "train.gradient_checkpointing=false"),
        ("mamba", {"packing": True}, "train.packing=false"),
    ],
)
def test_what_a_family_cannot_do_is_one_line(
    run: Any, name: str, changes: dict[str, Any], line: str
) -> None:
    if "lora" in changes:
        pytest.importorskip("peft", reason="the extra lora is not installed")
    with pytest.raises(ConfigError, match=line):
        run(model=tiny(name), **changes)


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"
        ),
    ],
)
def test_too_little_memory_says_what_to_lower(
    run: Any, monkeypatch: pytest.MonkeyPatch, fault: RuntimeError
) -> None:
    def full(*given: Any) -> Any:
        raise fault

    monkeypatch.setattr(terms, "functional_dropout_views", full)
    with pytest.raises(
        SteadycodeError,
        match=r"out of memory at step 1 of 3; lower train.micro_batch_size \(now 6\), or",
    ):
        run(mode="both")


def test_a_shared_model_is_refused(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ConfigError, match=r"configured for FSDP.* choose MULTI_GPU"):
        run()


def test_compiling_without_a_compiler_is_refused(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"train.compile needs g\+\+ or clang\+\+, and there is"):
        run(compile=True)


def test_a_sequence_longer_than_the_model_reads_is_refused(run: Any) -> None:
    with pytest.raises(
        ConfigError, match="sequence_length is 300, but the model reads at most 256"
    ):
        run(sequence_length=300)


def test_a_tokenizer_of_another_model_is_refused(run: Any, make_model: Any) -> None:
    with pytest.raises(ModelError, match=r"300 tokens, the model only 280"):
        run(model=make_model(vocab_size=280))


def test_half_precision_models_are_trained_in_float32(run: Any, make_model: Any) -> None:
    half = make_model().bfloat16()
    computed: set[torch.dtype] = set()
    half.model.layers[0].mlp.down_proj.register_forward_hook(
        lambda module, given, out: computed.add(out.dtype) if module.training else None
    )
    model, metrics = run(model=half, precision="bf16", mode="both")
    assert computed == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    _, exact = run(mode="both")
    assert metrics["train/loss_mle"][0][1] == pytest.approx(exact["train/loss_mle"][0][1], rel=1e-2)


def test_each_term_spreads_what_it_compares(run: Any) -> None:
    """After equal training: token term against positions, sequence term against means."""
    figures = {}
    for mode in ("mle", "token", "sequence", "both"):
        _, metrics = run(
            mode=mode,
            steps=40,
            learning_rate=3e-3,
            sequence_length=48,
            heldout=12,
            heldout_every=40,
        )
        figures[mode] = {
            name: metrics[f"valid/{name}"][-1][1]
            for name in ("intra_similarity", "inter_similarity")
        }
    mle = figures["mle"]
    assert figures["token"]["intra_similarity"] < mle["intra_similarity"] - 0.05
    assert figures["sequence"]["inter_similarity"] < mle["inter_similarity"] - 0.05
    for name, value in figures["both"].items():
        assert value < mle[name] - 0.05
