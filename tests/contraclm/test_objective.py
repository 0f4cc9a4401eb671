"""The losses against the slow and obvious computation, and every convention beside it."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from steadycode.contraclm import objective
from steadycode.contraclm.objective import Objective, contrastive_losses

Vector = list[float]


def cosine(a: Vector, b: Vector) -> float:
    norms = math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(x * x for x in b))
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / norms if norms else 0.0


def obvious_pair(view1: Sequence[Vector], view2: Sequence[Vector], temperature: float) -> float:
    n = len(view1)
    both = [*view1, *view2]
    losses = []
    for i, anchor in enumerate(both):
        positive = cosine(anchor, both[(i + n) % (2 * n)]) / temperature
        others = [cosine(anchor, other) / temperature for j, other in enumerate(both) if j != i]
        top = max(others)
        losses.append(top + math.log(math.fsum(math.exp(x - top) for x in others)) - positive)
    return math.fsum(losses) / (2 * n)


def obvious(
    h1: Tensor, h2: Tensor, mask: Tensor, temperature: float, segments: Tensor | None = None
) -> tuple[float, float]:
    sequences: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for b, t in mask.nonzero().tolist():
        segment = 0 if segments is None else int(segments[b, t])
        sequences.setdefault((b, segment), []).append((b, t))
    views = [
        [[h[b, t].double().tolist() for b, t in where] for where in sequences.values()]
        for h in (h1, h2)
    ]
    token = [obvious_pair(a, b, temperature) for a, b in zip(*views, strict=True)]
    pooled = [
        [[math.fsum(column) / len(s) for column in zip(*s, strict=True)] for s in view]
        for view in views
    ]
    return sum(token) / len(token), obvious_pair(pooled[0], pooled[1], temperature)


def views(
    b: int = 4, length: int = 7, d: int = 5, dtype: torch.dtype = torch.float64, seed: int = 0
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    h = torch.randn(b, length, d, generator=generator, dtype=torch.float64)
    noise = torch.randn(2, b, length, d, generator=generator, dtype=torch.float64)
    return (h + 0.3 * noise[0]).to(dtype), (h + 0.3 * noise[1]).to(dtype)


def padded_mask() -> Tensor:
    """Right padding, left padding, holes, one valid token."""
    rows = ["1111100", "0011111", "1010011", "0001000"]
    return torch.tensor([[c == "1" for c in row] for row in rows])


@pytest.mark.parametrize("temperature", [1.0, 0.05, 0.005])
@pytest.mark.parametrize(
    ("dtype", "relative", "absolute"),
    [
        (torch.float64, 1e-9, 1e-12),
        (torch.float32, 5e-5, 5e-6),
        (torch.bfloat16, 5e-5, 5e-6),  # the reference sees the same rounded input
        (torch.float16, 5e-5, 5e-6),
    ],
)
def test_equals_the_obvious_computation(
    dtype: torch.dtype, relative: float, absolute: float, temperature: float
) -> None:
    h1, h2 = views(dtype=dtype)
    mask = padded_mask()
    token, sequence = contrastive_losses(h1, h2, mask, temperature)
    expected = obvious(h1, h2, mask, temperature)
    assert token.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert (token.item(), sequence.item()) == pytest.approx(expected, rel=relative, abs=absolute)


def test_hand_computed_pair() -> None:
    """Orthogonal items seen twice alike: positive 1, both negatives 0, so log(1 + 2/e)."""
    h = torch.eye(2).reshape(1, 2, 2)
    token, sequence = contrastive_losses(h, h, torch.ones(1, 2, dtype=torch.bool), temperature=1.0)
    assert token.item() == pytest.approx(math.log(1 + 2 / math.e), rel=1e-6)
    assert sequence.item() == 0.0  # a batch of one


def test_tiny_losses_keep_their_figures_at_low_temperature() -> None:
    """float32 loses a loss of 1e-3 beside logits of 200 unless the positive is subtracted first."""
    angle = math.acos(1 - 0.04)
    item1, item2 = [1.0, 0.0], [math.cos(angle), math.sin(angle)]
    h = torch.tensor([[item1, item2]])
    mask = torch.ones(1, 2, dtype=torch.bool)
    token, _ = contrastive_losses(h, h, mask, temperature=0.005)
    assert token.item() == pytest.approx(math.log1p(2 * math.exp(-0.04 / 0.005)), rel=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1e-8, 1e5, 1e30])
def test_norms_do_not_matter(scale: float) -> None:
    h1, h2 = views(dtype=torch.float32)
    mask = padded_mask()
    expected = torch.stack(contrastive_losses(h1, h2, mask))
    got = torch.stack(contrastive_losses(h1 * scale, h2 * scale, mask))
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=0)


def test_half_precision_at_the_top_of_its_range() -> None:
    h1, h2 = (h / h.abs().max() * 60000 for h in views())
    h1, h2 = h1.half(), h2.half()  # norms beyond 65504
    got = [loss.item() for loss in contrastive_losses(h1, h2, padded_mask())]
    assert got == pytest.approx(obvious(h1, h2, padded_mask(), 0.05), rel=5e-5)


@pytest.mark.parametrize("poison", [math.nan, math.inf, 1e30])
def test_masked_positions_have_no_effect_and_no_gradient(poison: float) -> None:
    mask = padded_mask()
    gradients = []
    for filler in (0.0, poison):
        h1, h2 = (
            torch.where(mask[..., None], h, filler).requires_grad_()
            for h in views(dtype=torch.float32)
        )
        token, sequence = contrastive_losses(h1, h2, mask)
        (token + sequence).backward()
        assert h1.grad is not None
        assert h2.grad is not None
        assert not h1.grad[~mask].any()
        gradients.append((token.item(), sequence.item(), h1.grad, h2.grad))
    clean, poisoned = gradients
    assert clean[:2] == poisoned[:2]
    assert torch.equal(clean[2], poisoned[2])
    assert torch.equal(clean[3], poisoned[3])


def test_padding_width_and_side_do_not_matter() -> None:
    h1, h2 = views(b=2, length=4)
    mask = torch.ones(2, 4, dtype=torch.bool)
    expected = contrastive_losses(h1, h2, mask)
    for left, right in ((0, 3), (3, 0), (2, 5)):
        padding = (0, 0, left, right)
        wider = (torch.nn.functional.pad(h, padding, value=9.0) for h in (h1, h2))
        got = contrastive_losses(*wider, torch.nn.functional.pad(mask, padding[2:]))
        assert got == expected


def test_empty_sequences_are_left_out_and_single_tokens_count() -> None:
    h1, h2 = views(b=3)
    mask = torch.ones(3, 7, dtype=torch.bool)
    mask[2] = False
    without = contrastive_losses(h1[:2], h2[:2], mask[:2])
    assert contrastive_losses(h1, h2, mask) == without
    mask[2, 3] = True  # n = 1 adds 0 to the token mean, and a vector to the sequence term
    token, sequence = contrastive_losses(h1, h2, mask)
    assert token.item() == pytest.approx(without[0].item() * 2 / 3, rel=1e-12)
    assert sequence.item() != without[1].item()


def test_nothing_valid_gives_zero_with_zero_gradient() -> None:
    h1, h2 = (torch.full((2, 3, 4), math.nan, requires_grad=True) for _ in range(2))
    token, sequence = contrastive_losses(h1, h2, torch.zeros(2, 3, dtype=torch.bool))
    (token + sequence).backward()
    assert (token.item(), sequence.item()) == (0.0, 0.0)
    assert h1.grad is not None
    assert not h1.grad.any()


def test_a_zero_vector_has_similarity_zero_and_finite_gradients() -> None:
    h1, h2 = views(b=2)
    h1[0, 2] = 0
    mask = torch.ones(2, 7, dtype=torch.bool)
    h1.requires_grad_()
    token, sequence = contrastive_losses(h1, h2, mask, temperature=0.5)
    (token + sequence).backward()
    got = (token.item(), sequence.item())
    assert got == pytest.approx(obvious(h1, h2, mask, temperature=0.5), rel=1e-9)
    assert h1.grad is not None
    assert h1.grad.isfinite().all()


def test_packed_rows_equal_separate_rows() -> None:
    h1, h2 = (h.requires_grad_() for h in views(b=3, length=6))
    segments = torch.tensor([[7, 7, 2, 2, 2, -1], [0, 0, 0, 1, 1, 1], [7, 2, 7, 2, 7, 9]])
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2, [True] * 5 + [False]])
    packed = contrastive_losses(h1, h2, mask, segments=segments)
    got = tuple(loss.item() for loss in packed)
    assert got == pytest.approx(obvious(h1, h2, mask, 0.05, segments), rel=1e-9)
    gradient = torch.autograd.grad(sum(packed), h1)[0]

    rows = sorted({(b, int(segments[b, t])) for b, t in mask.nonzero().tolist()})
    apart = torch.stack([mask[b] & (segments[b] == s) for b, s in rows])
    index = torch.tensor([b for b, _ in rows])
    separate = contrastive_losses(h1[index], h2[index], apart)
    assert got == pytest.approx(tuple(loss.item() for loss in separate), rel=1e-9)
    torch.testing.assert_close(gradient, torch.autograd.grad(sum(separate), h1)[0])


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_gradients_against_finite_differences(temperature: float) -> None:
    h1, h2 = (h.requires_grad_() for h in views())
    mask = padded_mask()
    assert torch.autograd.gradcheck(
        lambda a, b: contrastive_losses(a, b, mask, temperature), (h1, h2)
    )


@pytest.mark.parametrize("temperature", [1.0, 0.05, 0.005])
def test_gradients_in_float32_follow_float64(temperature: float) -> None:
    gradients = []
    for dtype in (torch.float64, torch.float32):
        h1, h2 = (h.requires_grad_() for h in views(dtype=dtype))
        token, sequence = contrastive_losses(h1, h2, padded_mask(), temperature)
        (2 * token + 3 * sequence).backward()
        gradients.append(torch.stack([h1.grad, h2.grad]).double())  # type: ignore[list-item]
    difference = (gradients[0] - gradients[1]).norm() / gradients[0].norm()
    assert difference < 5e-4


def test_autocast_and_no_grad_change_nothing() -> None:
    h1, h2 = (h.requires_grad_() for h in views(dtype=torch.float32))
    expected = contrastive_losses(h1, h2, padded_mask())
    with torch.autocast("cpu", torch.bfloat16):
        assert contrastive_losses(h1, h2, padded_mask()) == expected
    with torch.no_grad():
        quiet = contrastive_losses(h1, h2, padded_mask())
    assert quiet == expected
    assert not quiet[0].requires_grad


def test_only_one_gradient_per_view_is_kept() -> None:
    """The similarity matrices, [2n, 2n] for each sequence, are gone after the forward pass."""
    h1, h2 = (torch.randn(2, 256, 32).requires_grad_() for _ in range(2))
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        losses = contrastive_losses(h1, h2, torch.ones(2, 256, dtype=torch.bool))
    assert losses[0].requires_grad
    assert sum(kept.values()) < 1.1 * (h1.nbytes + h2.nbytes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"h2": torch.zeros(1, 3, 5)}, "two views"),
        ({"mask": torch.ones(1, 3, dtype=torch.long)}, "mask must be bool"),  # ids as a mask
        ({"mask": torch.ones(1, 2, dtype=torch.bool)}, "mask must be bool"),
        ({"temperature": 0.0}, "temperature must be positive"),
        ({"temperature": math.nan}, "temperature must be positive"),
        ({"segments": torch.zeros(1, 3)}, "segments must be integers"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    given = {"h1": torch.zeros(1, 3, 4), "h2": torch.zeros(1, 3, 4)}
    mask = torch.ones(1, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match=message):
        contrastive_losses(**{**given, "mask": mask, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "expected"), [("mle", 1.0), ("token", 21.0), ("sequence", 301.0), ("both", 321.0)]
)
def test_the_total_holds_the_terms_of_its_mode(mode: str, expected: float) -> None:
    objective = Objective(mode=mode, token_weight=2.0, sequence_weight=3.0)  # type: ignore[arg-type]
    terms = torch.tensor([1.0, 10.0, 100.0])
    assert objective.total(*terms).item() == expected


def test_a_term_outside_the_mode_cannot_spoil_the_total() -> None:
    nan = torch.tensor(math.nan)
    assert Objective(mode="mle").total(torch.tensor(2.0), nan, nan).item() == 2.0


@pytest.mark.parametrize(
    ("held", "groups"),
    [(1, 6), (1500, 2), (10**6, 1)],
    ids=["alone", "in groups", "all at once"],
)
def test_sequences_together_are_sequences_alone(
    monkeypatch: pytest.MonkeyPatch, held: int, groups: int
) -> None:
    """As a GPU computes them: padded to one length, several at a time."""
    mask = torch.zeros(7, 12, dtype=torch.bool)
    for row, length in enumerate([12, 1, 5, 5, 0, 9, 2]):
        mask[row, :length] = True
    h1, h2 = (view.requires_grad_() for view in views(7, 12, 6))

    def found() -> list[Tensor]:
        losses = contrastive_losses(h1, h2, mask)
        return [*losses, *torch.autograd.grad(sum(losses), [h1, h2])]

    alone = found()
    in_groups = objective._groups
    made: list[list[list[int]]] = []

    def as_on_a_gpu(lengths: Sequence[int], cuda: bool) -> list[list[int]]:
        made.append(in_groups(lengths, True))
        return made[-1]

    monkeypatch.setattr(objective, "_groups", as_on_a_gpu)
    monkeypatch.setattr(objective, "_SIMILARITIES", held)
    torch.testing.assert_close(found(), alone)
    assert [len(one) for one in made] == [groups]
