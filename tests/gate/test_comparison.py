import pytest

from steadycode.errors import EvidenceError
from steadycode.gate.comparison import compare_losses
from steadycode.measures.losses import DocumentLoss


def losses(*pairs):
    return {f"{n:064x}": DocumentLoss(loss=loss, tokens=t) for n, (loss, t) in enumerate(pairs)}


def test_documents_weigh_as_much_as_they_have_tokens():
    comparison = compare_losses("loss", losses((1.0, 10), (2.0, 30)), losses((2.0, 10), (1.0, 30)))
    assert (comparison.n, comparison.higher_is_better) == (2, False)
    assert comparison.candidate == pytest.approx((10 + 60) / 40)
    assert comparison.champion == pytest.approx((20 + 30) / 40)


def test_losses_per_other_tokens_are_no_losses_to_compare():
    with pytest.raises(EvidenceError) as fault:
        compare_losses("loss", losses((1.0, 10)), losses((1.0, 11)))
    assert str(fault.value) == (
        "loss: candidate and champion have different tokenizers, so their losses cannot be"
        " compared; give the new model a model.registered_name of its own"
    )
