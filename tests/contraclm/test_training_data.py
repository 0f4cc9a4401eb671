import json
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from steadycode.contraclm import sequences
from steadycode.contraclm.sequences import cut_document, training_sequences
from steadycode.errors import DataError, ModelError
from steadycode.measures.documents import evenly, read_documents
from steadycode.models.batches import IGNORED, collate, packed
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


def test_special_tokens_in_the_text_are_text(tokenizer: Any) -> None:
    document = "END = '<|endoftext|>'\n"
    ids = encode(tokenizer, document)
    assert tokenizer.eos_token_id not in ids
    assert tokenizer.decode(ids) == document
    (piece,) = cut_document(tokenizer, document, 64)
    assert piece.count(tokenizer.eos_token_id) == 1


def test_a_tokenizer_without_end_is_refused(tokenizer: Any) -> None:
    from transformers import PreTrainedTokenizerFast

    endless = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer)
    with pytest.raises(ModelError, match="no end-of-text token"):
        cut_document(endless, LINES, 20)


def test_masks_come_from_lengths_not_from_ids() -> None:
    """0 is the padding id here, and also a real token."""
    batch = collate([[[5, 0, 0, 7]], [[0, 9]]], pad_id=0)
    assert batch.inputs.tolist() == [[5, 0, 0], [0, 0, 0]]
    assert batch.targets.tolist() == [[0, 0, 7], [9, IGNORED, IGNORED]]
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]
    assert batch.positions is None
    assert batch.scored.tolist() == [0, 1, 2, 3]
    assert batch.lengths == (3, 1)


def test_a_row_of_several_sequences_begins_positions_anew() -> None:
    batch = collate([[[5, 6, 7], [8, 9]], [[1, 2]]], pad_id=0)
    assert batch.inputs.tolist() == [[5, 6, 8], [1, 0, 0]]
    assert batch.targets.tolist() == [[6, 7, 9], [2, IGNORED, IGNORED]]
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]
    assert batch.positions is not None
    assert batch.positions.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert batch.lengths == (2, 1, 1)


def test_no_rows_give_a_batch_without_tokens() -> None:
    batch = collate([], pad_id=3)
    assert batch.inputs.tolist() == [[3]]
    assert not batch.mask.any()
    assert not len(batch.scored)
    assert batch.lengths == ()


def test_packing_fills_rows_in_order_and_loses_nothing() -> None:
    sequences = [list(range(n + 1)) for n in (7, 2, 5, 3, 10, 1)]
    rows = packed(sequences, width=10)
    assert [[len(s) - 1 for s in row] for row in rows] == [[7, 2, 1], [5, 3], [10]]


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


def test_documents_are_read_whole_or_spread_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps({"content": f"x = {i}\n"}) + "\n" for i in range(10)))
    assert read_documents(path) == [f"x = {i}\n" for i in range(10)]
    assert read_documents(path, limit=3) == ["x = 0\n", "x = 3\n", "x = 6\n"]
    assert evenly(["a", "b"], 5) == ["a", "b"]


@pytest.mark.parametrize(
    "row", ["{", "[1]", '{"text": "x"}', '{"content": 3}', r'{"content": "\ud800"}']
)
def test_a_bad_row_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"content": "x"}\n' + row + "\n")
    with pytest.raises(DataError, match=r"train.jsonl:2: "):
        read_documents(path)


def test_a_missing_or_empty_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_documents(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match=r"empty.jsonl holds no documents"):
        read_documents(tmp_path / "empty.jsonl")
