"""Fine-tuning with the ContraCLM objective, on one processor or, by accelerate, on many.

Master weights are kept in fp32 and computed with under bf16 autocast where the device gains by it;
similarities and their log-sum-exp are always float32. The same seed on the same CPU gives the same
weights, bit for bit, whether the training went through or was stopped and continued: random draws
depend on the seed, the step, the micro-batch and the process, and on nothing that came before.
"""

import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from steadycode.config import TrainConfig
from steadycode.contraclm.adapters import adapters
from steadycode.contraclm.checkpoint import load_state, save_state
from steadycode.contraclm.microbatches import MicroBatch, micro_batches
from steadycode.contraclm.negatives import CachedNegatives, gather
from steadycode.contraclm.objective import two_view_loss
from steadycode.contraclm.terms import MicroTerms, Terms, autocast
from steadycode.errors import ConfigError, ModelError, SteadycodeError
from steadycode.measures.heldout import measure
from steadycode.models.probes import check_packing
from steadycode.models.tokens import end_of_text
from steadycode.models.windows import window
from steadycode.randomness import derive_seed

OnMetric = Callable[[str, float, int], None]
"""Called with a metric's name, its value and the optimiser step."""
OnProgress = Callable[[int, int], None]
"""Called with the number of steps that are done and of all steps."""
WriteState = Callable[[Path], None]
"""Writes the state of the training as the folder that it is called with."""
OnCheckpoint = Callable[[int, WriteState], None]
"""Called with a step and the function that writes the state after it."""
OnMessage = Callable[[str], None]
"""Called with a line for whoever follows the training."""

_LOW_TEMPERATURE = 0.01
"""Below it, a gradient that is no longer finite may well come from dividing by the temperature."""


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
    on_message: OnMessage = lambda text: None,
    resume: Path | None = None,
) -> None:
    """Train ``model`` in place for ``settings.steps`` optimiser steps.

    ``sequences`` yields lists of ids, as ``sequences.training_sequences`` does. ``on_metric`` is
    called with train/* after every step, and with valid/* of the documents ``heldout`` before the
    first step, every ``settings.heldout_every`` steps and at the end. An evaluation's heldout/* and
    representation/* are of other documents, cut elsewhere.

    Every ``settings.checkpoint_every`` steps, but not at the end, ``on_checkpoint`` may write the
    state, after all else of that step. When such a folder is given as ``resume``, training goes on
    after its step, and nothing that was measured or reported before is repeated; ``sequences``
    must then start from their beginning again.

    The cross-entropy is the mean over all scored tokens of the optimiser step, the token term the
    mean over its sequences, however many micro-batches and processes share them. The sequence term
    compares the sequences of one micro-batch of all processes, or of the whole optimiser step, as
    ``settings.sequence_negatives`` says; it takes the whole step too when a micro-batch holds a
    single sequence, which has nothing in there to be compared with, and tells so once.

    In a group of processes (``accelerate launch``, torchrun) each calls this with equal arguments;
    the main one's ``resume`` counts, and only the main one reports.

    Raises ConfigError or ModelError before training when settings and model do not fit, and
    SteadycodeError naming the step when the loss or its gradient is no longer finite or memory
    runs out.
    """
    _check_fit(model, tokenizer, settings)
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(derive_seed(seed, "train"))
        with adapters(model.float().train(), settings.lora):
            run = _Run(model, tokenizer, settings, seed, heldout, on_metric, on_message)
            done = 0
            resume = run.of_main_process(resume)
            if resume is None:
                run.measure_heldout(step=0)
            else:
                done = load_state(model, run.optimizer, resume)
                sequences = islice(sequences, done * settings.batch_size, None)
            for step in range(done + 1, settings.steps + 1):
                chosen = list(islice(sequences, settings.batch_size))
                if step == 1 and run.main:
                    for doubt in _doubts(chosen, settings):
                        on_message(doubt)
                run.step(step, chosen)
                if run.main:
                    on_progress(step, settings.steps)
                if step % settings.heldout_every == 0 or step == settings.steps:
                    run.measure_heldout(step)
                if run.main and step % settings.checkpoint_every == 0 and step < settings.steps:
                    on_checkpoint(step, partial(save_state, model, run.optimizer, step))


def learning_rate(step: int, settings: TrainConfig) -> float:
    """The rate of step 1, 2, ...: a linear warm-up, then a linear fall to 0 after the last step."""
    warm = step / max(settings.warmup_steps, 1)
    left = (settings.steps + 1 - step) / max(settings.steps - settings.warmup_steps, 1)
    return settings.learning_rate * min(warm, left, 1.0)


class _Run:
    """The state of one training: optimiser, objective, processes, and where to report."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        settings: TrainConfig,
        seed: int,
        heldout: Sequence[str],
        on_metric: OnMetric,
        on_message: OnMessage = lambda text: None,
    ) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.settings, self.seed = settings, seed
        self.heldout, self.on_metric, self.on_message = heldout, on_metric, on_message
        self.pad_id = end_of_text(tokenizer)
        self._told_of_whole_batch = False
        if settings.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        self.terms = Terms(model, settings)
        self.accelerator = _accelerator(model.device)
        self.wrapped = self.accelerator.prepare(self.terms)
        self.processes: int = self.accelerator.num_processes
        self.main: bool = self.accelerator.is_main_process
        self.optimizer = _optimizer(model, settings)

    def of_main_process(self, value: Any) -> Any:
        """The ``value`` that the main process calls this with, returned in every process."""
        if self.processes == 1:
            return value
        box = [value]
        torch.distributed.broadcast_object_list(box)
        return box[0]

    def step(self, step: int, sequences: list[list[int]]) -> None:
        """Take one optimiser step on ``sequences``, in micro-batches, and report its figures."""
        started = time.perf_counter()
        tokens = sum(len(ids) - 1 for ids in sequences)
        with self._memory(step):
            terms, norm = self._accumulate(step, sequences, tokens)
        total = float(self.terms.objective.total(*terms[:3]))
        self._check_finite(step, total, norm)
        rate = learning_rate(step, self.settings)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with self._memory(step):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        mle, token, sequence, cosine = terms.tolist()
        figures = {"loss_mle": mle, "loss": total, "grad_norm": norm, "learning_rate": rate}
        if self.terms.objective.contrastive:
            figures |= {"loss_token": token, "loss_sequence": sequence, "view_cosine": cosine}
        figures["memory_mb"] = _memory_mb(self.model.device)
        figures["tokens_per_second"] = tokens / (time.perf_counter() - started)
        self._report("train", figures, step)

    def _accumulate(
        self, step: int, sequences: list[list[int]], tokens: int
    ) -> tuple[Tensor, float]:
        """Leave the clipped gradient; return [mle, token, sequence, cosine] and its former norm."""
        micros = micro_batches(
            sequences,
            self.settings.micro_batch_size,
            self.pad_id,
            pack_width=self.settings.sequence_length if self.settings.packing else None,
            process=self.accelerator.process_index,
            processes=self.processes,
        )
        cached = self._cached_negatives(step, micros)
        own = torch.zeros(3, device=self.model.device)  # mle, token, cosine of this process
        shared = torch.zeros(1, device=self.model.device)  # the sequence term, equal in all
        for at, micro in enumerate(micros):
            self._reseed(step, at)
            with self._synchronised(at == len(micros) - 1):
                terms: MicroTerms = self.wrapped(micro.batch.to(self.model.device))
                if cached is None:
                    sequence = self._sequence_term(micro, terms) / len(sequences)
                    shared += sequence.detach()
                else:
                    sequence = cached.surrogate(at, terms.means)
                mle, token = terms.mle / tokens, terms.token / len(sequences)
                total = self.terms.objective.total(mle, token, sequence)
                self.accelerator.backward(self.processes * total)  # the mean of gradients is taken
            own += torch.stack([mle, token, terms.cosine / tokens]).detach()
        if cached is not None:
            shared += cached.loss
        if self.processes > 1:
            torch.distributed.all_reduce(own)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        return torch.cat([own[:2], shared, own[2:]]), float(norm)

    def _sequence_term(self, micro: MicroBatch, terms: MicroTerms) -> Tensor:
        """The sequence term of one micro-batch of all processes, times its sequences' number. It is
        NaN for a single sequence, when the term is not trained on: there is nothing to report."""
        if not self.terms.objective.contrastive:
            return torch.zeros_like(terms.mle)
        if micro.sequences == 1:
            return torch.full_like(terms.mle.detach(), math.nan)
        means = [gather(view, micro.counts) for view in terms.means]
        return two_view_loss(means[0], means[1], self.settings.temperature) * micro.sequences

    def _cached_negatives(self, step: int, micros: Sequence[MicroBatch]) -> CachedNegatives | None:
        """The sequence term of all micro-batches together, from a first pass without gradients;
        None when there is one micro-batch, or each is compared within itself."""
        if not self.terms.objective.on_sequences or len(micros) == 1:
            return None
        if self.settings.sequence_negatives != "batch":
            if all(micro.sequences > 1 for micro in micros):
                return None
            self._tell_of_whole_batch()
        means = []
        with torch.no_grad():
            for at, micro in enumerate(micros):
                self._reseed(step, at)
                means.append(self.terms.means(micro.batch.to(self.model.device)))
        return CachedNegatives(
            micros, means, self.accelerator.process_index, self.settings.temperature
        )

    def _tell_of_whole_batch(self) -> None:
        if self.main and not self._told_of_whole_batch:
            self._told_of_whole_batch = True
            self.on_message(
                "a micro-batch holds a single sequence, so the sequence term compares those of the"
                " whole batch, for one more forward pass; a larger train.micro_batch_size needs"
                " none"
            )

    def _reseed(self, step: int, micro: int) -> None:
        """Seed torch so that a second pass, or a resumed training, draws the same dropout."""
        process = self.accelerator.process_index
        torch.manual_seed(derive_seed(self.seed, "train", step, micro, process))

    def _synchronised(self, last: bool) -> AbstractContextManager[Any]:
        """A context in which processes exchange gradients only for the step's last micro-batch."""
        return nullcontext() if last else self.accelerator.no_sync(self.wrapped)

    def measure_heldout(self, step: int) -> None:
        if not self.heldout or not self.main:
            return
        with autocast(self.model, self.settings), self._memory(step):
            measured = measure(
                self.model,
                self.tokenizer,
                self.heldout,
                max_tokens=self.settings.sequence_length,
            )
        losses = {"loss": measured.loss, "perplexity": measured.perplexity}
        self._report("valid", {**losses, **measured.representation}, step)

    def _report(self, group: str, figures: dict[str, float], step: int) -> None:
        for name, value in figures.items():
            if self.main and not math.isnan(value):  # too few documents give no figure
                self.on_metric(f"{group}/{name}", value, step)

    @contextmanager
    def _memory(self, step: int) -> Iterator[None]:
        """Turn an out-of-memory error inside the block into a line that says what to do."""
        try:
            yield
        except RuntimeError as error:  # the CPU's allocator has no class of error of its own
            text = str(error)
            if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in text:
                raise
            rows = self.settings.micro_batch_size
            raise SteadycodeError(
                f"out of memory at step {step} of {self.settings.steps}; lower"
                f" train.micro_batch_size (now {rows}), or train.sequence_length (now"
                f" {self.settings.sequence_length}), or set train.gradient_checkpointing=true"
            ) from error

    def _check_finite(self, step: int, loss: float, norm: float) -> None:
        if math.isfinite(loss) and math.isfinite(norm):
            return
        for name, weight in self.model.named_parameters():
            if step == 1 and not weight.isfinite().all():
                raise ModelError(
                    f"the model that training starts from has a NaN or an infinity in {name}; give"
                    " another in model.base"
                )
        low = self.terms.objective.contrastive and self.settings.temperature < _LOW_TEMPERATURE
        raise SteadycodeError(
            f"training broke down at step {step} of {self.settings.steps}: the loss is"
            f" {loss:.4g}, its gradient's norm {norm:.4g}; lower train.learning_rate"
            f" (now {self.settings.learning_rate:g}) or set train.precision=fp32"
            + (f", or raise train.temperature (now {self.settings.temperature:g})" if low else "")
        )


def _doubts(sequences: Sequence[list[int]], settings: TrainConfig) -> Iterator[str]:
    """What a person may not have meant, though training can do it; ``sequences`` are those of the
    first step."""
    copies = len(sequences) - len({tuple(ids) for ids in sequences})
    if copies and settings.mode in ("sequence", "both"):
        yield (
            f"{copies} of the first batch's {len(sequences)} sequences are copies of others, which"
            " the sequence term would tell from one another; give more data, or lower"
            " train.batch_size"
        )
    if settings.warmup_steps >= settings.steps:
        highest = max(learning_rate(step, settings) for step in range(1, settings.steps + 1))
        if highest < settings.learning_rate:
            yield (
                f"train.warmup_steps ({settings.warmup_steps}) does not end within train.steps"
                f" ({settings.steps}): the learning rate reaches {highest:.3g} of"
                f" {settings.learning_rate:.3g}"
            )


def _accelerator(device: torch.device) -> Any:
    """The accelerator of this process. Raises ConfigError when accelerate is to share one model
    among processes: checkpoints are made for processes that each hold the whole model."""
    from accelerate import Accelerator, DistributedDataParallelKwargs

    for name in ("FSDP", "DEEPSPEED", "MEGATRON_LM"):
        if os.environ.get(f"ACCELERATE_USE_{name}") == "true":
            raise ConfigError(
                f"accelerate is configured for {name}, which shares the model among processes;"
                " here each holds the whole model: choose MULTI_GPU, and train.lora or"
                " train.gradient_checkpointing where memory is short"
            )
    return Accelerator(
        cpu=device.type == "cpu",
        mixed_precision="no",  # autocast is ours: the contrastive terms stay in float32
        kwargs_handlers=[DistributedDataParallelKwargs(gradient_as_bucket_view=True)],
    )


def _memory_mb(device: torch.device) -> float:
    """MiB that the process holds now or, on a GPU, the most that torch has held so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20


def _optimizer(model: Any, settings: TrainConfig) -> torch.optim.AdamW:
    """AdamW that decays no norms and biases, which are one-dimensional; tied weights count once."""
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
    """Raise ConfigError or ModelError when model, tokenizer, settings and machine do not fit."""
    longest = window(model)
    if settings.sequence_length > longest:
        raise ConfigError(
            f"train.sequence_length is {settings.sequence_length}, but the model reads at most"
            f" {longest} tokens; lower it"
        )
    compilers = ("g++", "clang++") if model.device.type == "cpu" else ("gcc", "clang", "cc")
    own = os.environ.get("CXX" if model.device.type == "cpu" else "CC")
    if settings.compile and not any(map(shutil.which, [own] if own else compilers)):
        raise ConfigError(
            f"train.compile needs {' or '.join(compilers)}, and there is none on the PATH; install"
            " one or set train.compile=false"
        )
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise ModelError(
            f"the tokenizer has {len(tokenizer)} tokens, the model only {rows}:"
            " they do not belong together"
        )
    if settings.packing:
        check_packing(model)
    if settings.gradient_checkpointing and not model.supports_gradient_checkpointing:
        raise ConfigError(
            f"a {model.config.model_type} model cannot train with gradient checkpointing; set"
            " train.gradient_checkpointing=false"
        )
