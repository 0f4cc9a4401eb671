"""Fine-tuning with the ContraCLM objective: one forward pass, two functional-dropout views.

fp32 master weights, bf16 autocast where the device gains by it, similarities and log-sum-exp
always in float32. The same seed on the same CPU gives the same weights, bit for bit, whether the
training went through or was stopped and continued.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from steadycode.config import TrainConfig
from steadycode.contraclm.checkpoint import load_state, save_state
from steadycode.contraclm.data import Batch, collate, end_of_text
from steadycode.contraclm.forward import single_pass
from steadycode.contraclm.heldout import measure
from steadycode.contraclm.objective import Objective, contrastive_losses
from steadycode.contraclm.views import check_views_differ, functional_dropout_views
from steadycode.errors import ConfigError, ModelError, SteadycodeError
from steadycode.randomness import derive_seed

OnMetric = Callable[[str, float, int], None]
"""Name, value, step."""
OnProgress = Callable[[int, int], None]
WriteState = Callable[[Path], None]
OnCheckpoint = Callable[[int, WriteState], None]
"""Step, and what writes the state behind it as a folder."""


def train(
    model: Any,
    tokenizer: Any,
    sequences: Iterator[list[int]],
    settings: TrainConfig,
    seed: int,
    *,
    heldout: Sequence[str] = (),
    on_metric: OnMetric = lambda name, value, step: None,
    on_progress: OnProgress = lambda done, total: None,
    on_checkpoint: OnCheckpoint = lambda step, write: None,
    resume: Path | None = None,
) -> None:
    """Train ``model`` in place for ``settings.steps`` optimiser steps.

    ``sequences`` yields lists of ids (``data.training_sequences``). Reports train/* after every
    step, and heldout/* and representation/* of the documents ``heldout`` before the first step,
    every ``settings.heldout_every`` steps and at the end.

    Every ``settings.checkpoint_every`` steps but at the end, after all else of that step,
    ``on_checkpoint`` may write the state. With such a folder as ``resume``, and ``sequences`` from
    their beginning, training goes on behind its step: nothing of before is measured or told again.

    The cross-entropy is the mean over all scored tokens of the optimiser step, the token term the
    mean over its sequences, however many micro-batches it is cut into. The sequence term compares
    sequences within a micro-batch only.

    Raises ConfigError or ModelError before training when settings and model do not fit, and
    SteadycodeError naming the step when the loss or its gradient is no longer finite.
    """
    _check_fit(model, tokenizer, settings)
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(derive_seed(seed, "train"))
        run = _Run(model, tokenizer, settings, heldout, on_metric)
        done = 0
        if resume is None:
            run.measure_heldout(step=0)
        else:
            done = load_state(run.model, run.optimizer, resume)
            sequences = islice(sequences, done * settings.batch_size, None)
        for step in range(done + 1, settings.steps + 1):
            chosen = list(islice(sequences, settings.batch_size))
            run.step(step, collate(chosen, end_of_text(tokenizer)))
            on_progress(step, settings.steps)
            if step % settings.heldout_every == 0 or step == settings.steps:
                run.measure_heldout(step)
            if step % settings.checkpoint_every == 0 and step < settings.steps:
                on_checkpoint(step, partial(save_state, run.model, run.optimizer, step))


def learning_rate(step: int, settings: TrainConfig) -> float:
    """Of optimiser step 1, 2, ...: a linear warm-up, then linearly to 0 behind the last step."""
    warm = step / max(settings.warmup_steps, 1)
    left = (settings.steps + 1 - step) / max(settings.steps - settings.warmup_steps, 1)
    return settings.learning_rate * min(warm, left, 1.0)


class _Run:
    """The state of one training: optimiser, objective, and where to report."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        settings: TrainConfig,
        heldout: Sequence[str],
        on_metric: OnMetric,
    ) -> None:
        self.model, self.tokenizer = model.float().train(), tokenizer
        self.settings, self.heldout, self.on_metric = settings, heldout, on_metric
        self.forward = single_pass(model)
        self.optimizer = _optimizer(model, settings)
        self.objective = Objective(
            mode=settings.mode,
            token_weight=settings.token_weight,
            sequence_weight=settings.sequence_weight,
        )

    def step(self, step: int, batch: Batch) -> None:
        """One optimiser step on ``batch``, in micro-batches."""
        started = time.perf_counter()
        tokens, rows = batch.tokens, len(batch.inputs)
        terms = torch.zeros(4, device=self.model.device)  # mle, token, sequence, total
        for micro in batch.split(self.settings.micro_batch_size):
            mle_sum, token, sequence = self._terms(micro.to(self.model.device), first=step == 1)
            share = len(micro.inputs) / rows
            mle, token, sequence = mle_sum / tokens, token * share, sequence * share
            total = self.objective.total(mle, token, sequence)
            total.backward()  # type: ignore[no-untyped-call]
            terms += torch.stack([mle, token, sequence, total]).detach()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self._check_finite(step, float(terms[3]), float(norm))
        rate = learning_rate(step, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        names = ("loss_mle", "loss_token", "loss_sequence", "loss")
        figures = dict(zip(names, terms.tolist(), strict=True))
        figures |= {"grad_norm": float(norm), "learning_rate": rate}
        figures["tokens_per_second"] = tokens / (time.perf_counter() - started)
        self._report("train", figures, step)

    def _terms(self, batch: Batch, first: bool) -> tuple[Tensor, Tensor, Tensor]:
        """The summed cross-entropy, and the means of the token and the sequence term.

        The contrastive terms are computed in every mode, so that their curves can be compared.
        """
        with self._autocast():
            hidden, logits_at = self.forward(batch.inputs)
            logits = logits_at(batch.mask)
        mle = nn.functional.cross_entropy(logits, batch.targets[batch.mask], reduction="sum")
        with torch.set_grad_enabled(self.objective.contrastive):
            view1, view2 = functional_dropout_views(hidden, self.settings.dropout)
            if first and self.objective.contrastive:
                check_views_differ(view1, view2, batch.mask)
            token, sequence = contrastive_losses(
                view1, view2, batch.mask, self.settings.temperature
            )
        return mle, token, sequence

    def measure_heldout(self, step: int) -> None:
        if not self.heldout:
            return
        with self._autocast():
            measured = measure(
                self.model,
                self.tokenizer,
                self.heldout,
                max_tokens=self.settings.sequence_length,
            )
        self._report("heldout", {"loss": measured.loss, "perplexity": measured.perplexity}, step)
        self._report("representation", dict(measured.representation), step)

    def _report(self, group: str, figures: dict[str, float], step: int) -> None:
        for name, value in figures.items():
            if not math.isnan(value):  # a figure that too few documents cannot give
                self.on_metric(f"{group}/{name}", value, step)

    def _autocast(self) -> AbstractContextManager[Any]:
        from steadycode.models import pick_dtype

        device = self.model.device.type
        dtype = pick_dtype(self.settings.precision, device)
        return torch.autocast(device, dtype=dtype, enabled=dtype != torch.float32)

    def _check_finite(self, step: int, loss: float, norm: float) -> None:
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise SteadycodeError(
                f"training broke down at step {step} of {self.settings.steps}: the loss is"
                f" {loss:.4g}, its gradient's norm {norm:.4g}; lower train.learning_rate"
                f" (now {self.settings.learning_rate:g}) or set train.precision=fp32"
            )


def _optimizer(model: Any, settings: TrainConfig) -> torch.optim.AdamW:
    """AdamW; norms and biases, all one-dimensional, do not decay. Tied weights count once."""
    parameters: list[nn.Parameter] = [p for p in model.parameters() if p.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.ndim > 1]},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )


def _check_fit(model: Any, tokenizer: Any, settings: TrainConfig) -> None:
    longest = getattr(model.config, "max_position_embeddings", None)
    if longest is not None and settings.sequence_length > longest:
        raise ConfigError(
            f"train.sequence_length is {settings.sequence_length}, but the model reads at most"
            f" {longest} tokens; lower it"
        )
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise ModelError(
            f"the tokenizer has {len(tokenizer)} tokens, the model only {rows}:"
            " they do not belong together"
        )
