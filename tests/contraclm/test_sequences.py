from itertools import islice, pairwise
from typing import Any

import pytest

from steadycode.contraclm import sequences
from steadycode.contraclm.sequences import cut_document, training_sequences
from steadycode.errors import DataError
from steadycode.models.tokens import encode

LINES = "".join(f"value_{i} = {i}\n" for i in range(30))


def joined(pieces: list[list[int]]) -> list[int]:
    """The ids again: each piece begins with the last id of the one before."""
    return pieces[0] + [i for piece in pieces[1:] for i in piece[1:]]


@pytest.mark.parametrize("length", [8, 17, 64, 10_000])
def test_every_id_but_the_first_is_a_target_once(tokenizer: Any, length: int) -> None:
    pieces = cut_document(tokenizer, LINES, length)
    assert joined(pieces) == [*encode(tokenizer, LINES), tokenizer.eos_token_id]
    assert all(2 <= len(piece) <= length + 1 for piece in pieces)
    assert all(a[-1] == b[0] for a, b in pairwise(pieces))
    assert tokenizer.decode(joined(pieces)[:-1]) == LINES


def test_cut_behind_line_ends(tokenizer: Any) -> None:
    pieces = cut_document(tokenizer, LINES, 40)
    assert len(pieces) > 5
    for piece in pieces[:-1]:
        assert tokenizer.decode(piece).endswith("\n")


def test_a_line_longer_than_a_sequence_is_split_and_kept(tokenizer: Any) -> None:
    document = "x = '" + "ab" * 300 + "'\n"
    pieces = cut_document(tokenizer, document, 50)
    assert len(pieces[0]) == 51
    assert tokenizer.decode(joined(pieces)[:-1]) == document


def test_a_short_document_is_its_own_sequence(tokenizer: Any) -> None:
    assert cut_document(tokenizer, "x = 1\n", 64) == [
        [*encode(tokenizer, "x = 1\n"), tokenizer.eos_token_id]
    ]
    assert cut_document(tokenizer, "", 64) == []  # nothing but the end: no target


def test_a_sequence_has_one_end_whatever_its_text_spells(tokenizer: Any) -> None:
    (piece,) = cut_document(tokenizer, "END = '<|endoftext|>'\n", 64)
    assert piece.count(tokenizer.eos_token_id) == 1


def test_an_epoch_holds_every_sequence_once_and_epochs_differ(
    tokenizer: Any, documents: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequences, "WINDOW", 7)
    expected = sorted(p for d in documents for p in cut_document(tokenizer, d, 24))
    drawn = list(islice(training_sequences(tokenizer, documents, 24, seed=3), 2 * len(expected)))
    first, second = drawn[: len(expected)], drawn[len(expected) :]
    assert sorted(first) == sorted(second) == expected
    assert first != second


def test_the_order_depends_on_the_seed_alone(tokenizer: Any, documents: list[str]) -> None:
    def draw(seed: int) -> list[list[int]]:
        return list(islice(training_sequences(tokenizer, documents, 24, seed), 30))

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_only_what_is_drawn_is_tokenised(
    tokenizer: Any, documents: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequences, "WINDOW", 4)
    seen = []
    cut = sequences.cut_document

    def counted(tokenizer: Any, document: str, length: int) -> list[list[int]]:
        seen.append(document)
        return cut(tokenizer, document, length)

    monkeypatch.setattr(sequences, "cut_document", counted)
    list(islice(training_sequences(tokenizer, documents, 64, seed=0), 4))
    assert 1 <= len(seen) <= 5


def test_documents_without_tokens_are_refused(tokenizer: Any) -> None:
    with pytest.raises(DataError, match="none of 2 documents"):
        next(training_sequences(tokenizer, ["", ""], 16, seed=0))
