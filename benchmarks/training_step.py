"""Cost of one optimiser step: our four modes beside a plain loop and the two-pass reference style.

    OMP_NUM_THREADS=1 python benchmarks/training_step.py                    # minutes, on a CPU
    python benchmarks/training_step.py --models codegen-350m llama-135m     # on a GPU

Random weights, rows of full length. "plain MLE" is transformers' own loss on one forward pass;
"reference style" follows the documented way of the published training: two full passes with
dropout 0.1 in the model, logits of both, the textbook losses of ``contrastive_losses.py``. Every
round times each of them once, in a rotating order, forward + backward + clipping + AdamW.

On a CPU: process CPU time of the fastest round (a loaded machine only ever adds), as a ratio to
plain MLE. On a GPU: wall clock of the median round as tokens/s, most memory held, and model FLOP
utilisation by 6 FLOP per weight of the matrix products and token, and 12 x layers x width x length
per token for attention (PaLM, appendix B), against ``--peak`` TFLOP/s.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from contrastive_losses import textbook
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from steadycode.config import TrainConfig
from steadycode.contraclm.trainer import _optimizer, _Run
from steadycode.contraclm.views import set_dropout

MODELS: dict[str, tuple[str, dict[str, Any], int, int]] = {  # family, config, rows, length
    "tiny-codegen": (
        "codegen",
        {"vocab_size": 2560, "n_embd": 160, "n_layer": 5, "n_head": 4, "rotary_dim": 16,
         "n_positions": 512, "n_ctx": 512}, 8, 192,
    ),
    "tiny-qwen2": (
        "qwen2",
        {"vocab_size": 2560, "hidden_size": 160, "intermediate_size": 432, "num_hidden_layers": 5,
         "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}, 8, 192,
    ),
    "codegen-350m": ("codegen", {"n_embd": 1024, "n_layer": 20, "n_head": 16, "rotary_dim": 32,
                                 "vocab_size": 51200}, 8, 512),
    "llama-135m": (
        "llama",
        {"vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536,
         "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3,
         "tie_word_embeddings": True, "max_position_embeddings": 2048}, 32, 512,
    ),
}  # fmt: skip
Step = Callable[[], None]
WARM = 2


class _Tokenizer:
    eos_token_id = 0


def build(name: str, device: str) -> tuple[Any, list[list[int]]]:
    family, config, rows, length = MODELS[name]
    torch.manual_seed(0)
    settings = AutoConfig.for_model(family, bos_token_id=0, eos_token_id=0, **config)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(settings).to(device).train()
    ids = torch.randint(1, settings.vocab_size, (rows, length + 1)).tolist()
    return model, ids


def ours(name: str, device: str, **changes: Any) -> Step:
    model, ids = build(name, device)
    settings = TrainConfig(
        micro_batch_size=len(ids),
        sequence_length=len(ids[0]) - 1,
        learning_rate=1e-5,
        precision="bf16" if device == "cuda" else "fp32",  # as the plain loop
        **changes,
    )
    run = _Run(model, _Tokenizer(), settings, 0, [], lambda *told: None)
    return lambda: run.step(1, ids)


def plain(name: str, device: str, contrastive: bool) -> Step:
    model, ids = build(name, device)
    if contrastive:
        set_dropout(model, 0.1)
    optimizer = _optimizer(model, TrainConfig(learning_rate=1e-5))
    batch = torch.tensor(ids, device=device)
    inputs, targets = batch[:, :-1].contiguous(), batch[:, 1:].contiguous()
    mask = torch.ones_like(inputs, dtype=torch.bool)

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            out = model(input_ids=inputs, output_hidden_states=contrastive, use_cache=False)
            loss = nn.functional.cross_entropy(out.logits.flatten(0, 1).float(), targets.flatten())
            if contrastive:
                again = model(input_ids=inputs, output_hidden_states=True, use_cache=False)
        if contrastive:
            h1, h2 = out.hidden_states[-1].float(), again.hidden_states[-1].float()
            token, sequence = textbook(h1, h2, mask)
            loss = loss + token + sequence
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def steps(name: str, device: str) -> dict[str, Callable[[], Step]]:
    makers: dict[str, Callable[[], Step]] = {
        "plain MLE": lambda: plain(name, device, contrastive=False),
        "reference style, two passes": lambda: plain(name, device, contrastive=True),
        "ours, mle": lambda: ours(name, device, mode="mle"),
        "ours, token": lambda: ours(name, device, mode="token"),
        "ours, sequence": lambda: ours(name, device, mode="sequence"),
        "ours, both": lambda: ours(name, device, mode="both"),
        "ours, both, two passes": lambda: ours(name, device, mode="both", views="two_pass"),
    }
    if device == "cuda":
        for mode in ("mle", "both"):
            makers[f"ours, {mode}, compiled"] = partial(ours, name, device, mode=mode, compile=True)
    return makers


def seconds(step: Step, device: str) -> float:
    clock = time.process_time if device == "cpu" else time.perf_counter
    started = clock()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - started


def held(device: str) -> int:
    """How many bytes torch holds on the GPU; 0 on a CPU."""
    return torch.cuda.memory_allocated() if device == "cuda" else 0


def flop_per_token(name: str, device: str) -> float:
    model, ids = build(name, device)
    length = len(ids[0]) - 1
    weights = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    if not model.config.tie_word_embeddings:
        weights -= model.get_input_embeddings().weight.numel()  # looked up, not multiplied
    config = model.config
    return 6.0 * weights + 12.0 * config.num_hidden_layers * config.hidden_size * length


def measure(name: str, device: str, rounds: int, peak: float) -> Table:
    ready: dict[str, Step] = {}
    kept: dict[str, int] = {}  # bytes: weights, their gradients' buffers, optimiser
    for what, make in steps(name, device).items():
        before = held(device)
        ready[what] = make()
        for _ in range(WARM):
            seconds(ready[what], device)
        kept[what] = held(device) - before
    times: dict[str, list[float]] = {what: [] for what in ready}
    peaks: dict[str, float] = {}
    order = list(ready)
    for at in track(range(rounds), description=name):
        for what in order[at % len(order) :] + order[: at % len(order)]:
            before = held(device)
            times[what].append(seconds(ready[what], device))
            if device == "cuda":
                peaks[what] = (torch.cuda.max_memory_allocated() - before + kept[what]) / 2**30
                torch.cuda.reset_peak_memory_stats()
    _, _, rows, length = MODELS[name]
    title = f"{name}, {rows} x {length} tokens, {rounds} rounds, {device}"
    if device == "cpu":
        table = Table("step", "ms, fastest", "to plain MLE", "to reference style", title=title)
        best = {what: min(values) for what, values in times.items()}
        for what, value in best.items():
            ratios = value / best["plain MLE"], value / best["reference style, two passes"]
            table.add_row(what, f"{1000 * value:.0f}", *(f"{ratio:.2f}" for ratio in ratios))
        return table
    table = Table(
        "step", "tokens/s", "to plain MLE", "to reference style", "GiB", "MFU %", title=title
    )
    middle = {what: statistics.median(values) for what, values in times.items()}
    flop = flop_per_token(name, device)
    for what, value in middle.items():
        speed = rows * length / value
        table.add_row(
            what,
            f"{speed:,.0f}",
            f"{value / middle['plain MLE']:.2f}",
            f"{value / middle['reference style, two passes']:.2f}",
            f"{peaks[what]:.1f}",
            f"{100 * speed * flop / (peak * 1e12):.0f}",
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, default=["tiny-codegen", "tiny-qwen2"]
    )
    parser.add_argument("--rounds", type=int, default=14)
    parser.add_argument("--peak", type=float, default=989.0, help="TFLOP/s of the GPU in bf16")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for name in options.models:
        Console(width=100).print(measure(name, device, options.rounds, options.peak))


if __name__ == "__main__":
    main()
