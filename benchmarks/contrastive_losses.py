"""Time and memory of ``contrastive_losses`` beside the textbook computation, forward + backward.

    OMP_NUM_THREADS=1 python benchmarks/contrastive_losses.py [--rounds 7]

The textbook column follows the documented computation of the published ContraCLM losses (one
sequence at a time: masked_select, exp, mask out the anchor, sum), written anew for this
comparison. Both are timed in one interleaved run with the order swapped every round, in CPU time
of the process; memory is what autograd keeps for backward, without the inputs.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from steadycode.contraclm.objective import contrastive_losses

BATCH, LENGTH, WIDTH, TEMPERATURE = 16, 512, 768, 0.05
Losses = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def textbook(h1: Tensor, h2: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    token = torch.zeros(())
    for a, b, valid in zip(h1, h2, mask, strict=True):
        n = valid.sum()
        keep = valid.unsqueeze(-1)
        token = token + _textbook_pair(
            a.masked_select(keep).view(n, -1), b.masked_select(keep).view(n, -1)
        )
    weights = mask.unsqueeze(-1)
    pooled = [(h * weights).sum(1) / weights.sum(1) for h in (h1, h2)]
    return token / len(h1), _textbook_pair(*pooled)


def _textbook_pair(x1: Tensor, x2: Tensor) -> Tensor:
    n = len(x1)
    x1, x2 = (torch.nn.functional.normalize(x, dim=-1) for x in (x1, x2))
    both = torch.cat([x1, x2])
    positive = (x1 * x2).sum(-1).div(TEMPERATURE).exp()
    positive = torch.cat([positive, positive])
    exponentials = (both @ both.T / TEMPERATURE).exp()
    others = ~torch.eye(n, dtype=torch.bool, device=x1.device).repeat(2, 2)
    negatives = exponentials.masked_select(others).view(2 * n, -1).sum(-1)
    return -(positive / (positive + negatives)).log().mean()


def kept_for_backward(losses: Losses, h1: Tensor, h2: Tensor, mask: Tensor) -> float:
    """How many MiB autograd keeps for backward, as distinct storages without the inputs' own."""
    inputs = {h.untyped_storage().data_ptr() for h in (h1, h2, mask)}
    sizes: dict[int, int] = {}
    alive = []  # a freed storage's address would be used again

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in inputs:
            sizes[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        losses(h1, h2, mask)
    return sum(sizes.values()) / 2**20


def seconds(losses: Losses, h1: Tensor, h2: Tensor, mask: Tensor) -> float:
    h1.grad = h2.grad = None
    started = time.process_time()
    token, sequence = losses(h1, h2, mask)
    (token + sequence).backward()
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    hidden = torch.randn(BATCH, LENGTH, WIDTH) + torch.randn(WIDTH)
    h1, h2 = (torch.nn.functional.dropout(hidden, 0.1).requires_grad_() for _ in range(2))
    lengths = torch.linspace(40, LENGTH, BATCH).long()
    masks = {
        "all valid": torch.ones(BATCH, LENGTH, dtype=torch.bool),
        "padded": torch.arange(LENGTH) < lengths[:, None],
    }
    implementations: dict[str, Losses] = {"textbook": textbook, "ours": contrastive_losses}
    print(f"B={BATCH} L={LENGTH} D={WIDTH} float32, {torch.get_num_threads()} thread(s)")
    print(f"{'':10} {'tokens':>6} {'':10} {'CPU ms':>8} {'ratio':>6} {'kept MiB':>9} {'loss':>9}")
    for shape, mask in masks.items():
        times: dict[str, list[float]] = {name: [] for name in implementations}
        for i in range(rounds + 1):  # the first round warms up
            for name in sorted(implementations, reverse=bool(i % 2)):
                times[name].append(seconds(implementations[name], h1, h2, mask))
        slow = statistics.median(times["textbook"][1:])
        for name, losses in implementations.items():
            median = statistics.median(times[name][1:])
            kept = kept_for_backward(losses, h1, h2, mask)
            value = sum(losses(h1, h2, mask)).item()
            print(
                f"{shape:10} {int(mask.sum()):6} {name:10} {1000 * median:8.0f}"
                f" {slow / median:6.2f} {kept:9.0f} {value:9.5f}"
            )


if __name__ == "__main__":
    main()
