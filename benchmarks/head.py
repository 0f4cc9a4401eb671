"""Cross-entropy behind a linear head, forward and backward: time, memory, and what rounding does.

    python benchmarks/head.py --positions 1920 --width 576 --vocabulary 49152
    python benchmarks/head.py --positions 16384 --compiled      # on a GPU

Interleaved rounds time all logits held (transformers' way), torch's chunked
``linear_cross_entropy`` if this torch has it, ours, and ours with the softmax compiled. Weights
are float32, products bfloat16 (``--precision fp32`` for float32). Losses and gradients are compared
with float32 products; memory, on a GPU, is what is held on top of input and weight.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn import functional

from steadycode.models.head_loss import linear_cross_entropy, softmax_cross_entropy

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def plain(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    logits = functional.linear(hidden, weight)
    return functional.cross_entropy(logits.float(), targets, reduction="sum")


def torchs(reduction: str) -> Loss:
    def loss(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        device = hidden.device.type
        enabled = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if enabled else weight.dtype
        options = torch.nn.LinearCrossEntropyOptions()
        return (
            functional.linear_cross_entropy(
                hidden.to(dtype), weight.to(dtype), targets, reduction=reduction, options=options
            )
            .float()
            .sum()
        )

    return loss


def ways(compiled: bool) -> dict[str, Loss]:
    losses: dict[str, Loss] = {"all logits": plain}
    if hasattr(functional, "linear_cross_entropy"):
        losses["torch's, its own sum"] = torchs("sum")
        losses["torch's, summed in float32"] = torchs("none")
    losses["ours"] = lambda h, w, t: linear_cross_entropy(h, w, None, t)
    if compiled:
        over = torch.compile(softmax_cross_entropy)
        losses["ours, compiled"] = lambda h, w, t: linear_cross_entropy(h, w, None, t, over)
    return losses


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--positions", type=int, default=1920)
    parser.add_argument("--width", type=int, default=576)
    parser.add_argument("--vocabulary", type=int, default=49152)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16")
    parser.add_argument("--compiled", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = _options()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    weight = 0.05 * torch.randn(options.vocabulary, options.width, device=device)
    hidden = torch.randn(options.positions, options.width, device=device)
    targets = torch.randint(options.vocabulary, (options.positions,), device=device)
    weight.requires_grad_()
    hidden.requires_grad_()

    def run(loss: Loss, low: bool) -> tuple[float, Tensor, Tensor]:
        with torch.autocast(device, torch.bfloat16, enabled=low):
            value = loss(hidden, weight, targets)
        by_hidden, by_weight = torch.autograd.grad(value, [hidden, weight])
        return float(value.detach()), by_hidden, by_weight

    exact = run(plain, low=False)
    losses = ways(options.compiled)
    times: dict[str, list[float]] = {name: [] for name in losses}
    peaks: dict[str, float] = {}
    errors: dict[str, list[float]] = {}
    for _ in range(options.rounds + 1):  # the first to warm up
        for name, loss in losses.items():
            if device == "cuda":
                torch.cuda.synchronize()
                torch.cuda.reset_peak_memory_stats()
                held = torch.cuda.memory_allocated()
            started = time.perf_counter()
            result = run(loss, options.precision == "bf16")
            if device == "cuda":
                torch.cuda.synchronize()
                peaks[name] = (torch.cuda.max_memory_allocated() - held) / 2**20
            times[name].append(time.perf_counter() - started)
            errors[name] = [abs(result[0] / exact[0] - 1)] + [
                float((a - b).norm() / b.norm()) for a, b in zip(result[1:], exact[1:], strict=True)
            ]
    shape = f"{options.positions} x {options.width} x {options.vocabulary}"
    table = Table(
        "loss", "ms", "MiB", "off: loss", "its gradient: input", "weight",
        title=f"{shape}, {options.precision} {device}",
    )  # fmt: skip
    for name, measured in times.items():
        row = [f"{error:.1e}" for error in errors[name]]
        memory = f"{peaks[name]:.0f}" if peaks else "-"
        table.add_row(name, f"{1000 * statistics.median(measured[1:]):.1f}", memory, *row)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
