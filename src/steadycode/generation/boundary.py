"""Where a prompt's tokens can be trusted, and what the first generated tokens must then say.

A tokenizer merges characters across the end of a prompt: Llama's, Qwen's and others write a newline
and the indentation behind it as one token. A prompt cut between the two is a token sequence that
training never showed, and small models answer it with nonsense. So the prompt is cut earlier, at
the last place that no token can cover whatever text follows, and the text behind that place is
given back as a constraint on the first generated tokens ("token healing").

The place is found from the vocabulary alone. A token can cover position p of a text only if some
token t begins at a position s < p, ends behind p, and agrees with the text from s on, as far as the
text is known. Where there is no such t, every continuation has a token boundary at p; merges never
cross it, so the tokens before p are the same for every continuation. Regular expressions that split
the text before merging look at most one character ahead, which is known since p lies before it.
"""

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any

from steadycode.errors import ModelError
from steadycode.models.tokens import beginning

_SPACE = "\u2581"  # SentencePiece's sign for a space


@dataclass(frozen=True, slots=True)
class Healed:
    """Tokens to start from, and the bytes that the first generated tokens must begin with.

    ``thinking`` says that what follows begins inside the model's thoughts."""

    tokens: tuple[int, ...]
    owed: bytes
    thinking: bool = False


class Vocabulary:
    """The bytes that each token of a tokenizer writes, ready for look-up by prefix.

    Built once per tokenizer. Raises ModelError for tokenizers whose tokens have no fixed bytes.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.written = _token_bytes(tokenizer)
        """Token id -> its bytes; special tokens, which write no text, are not in it."""
        pairs = sorted((written, token) for token, written in self.written.items() if written)
        self._sorted = [written for written, _ in pairs]
        self._ids = [token for _, token in pairs]
        self._whole = set(self._sorted)
        self._partial = {word[:end] for word in self._whole for end in range(1, len(word))}
        # SentencePiece puts a space before the text; it is owed like the rest of the prompt
        self._lead = self._bytes(self.encode("a"))[:-1]
        self._begin = beginning(tokenizer)
        begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
        self._alone = (begin if begin is not None else end or 0,)  # a model needs one token

    def heal(self, prompt: str) -> Healed:
        """``prompt`` cut at the last place that no token can cover, whatever text follows.

        A tokenizer that changes text (Unicode normalisation) sees its own form of what comes before
        the cut; what comes behind it is owed byte for byte all the same.
        """
        prompt = prompt.encode("utf-8", "replace").decode()  # no tokenizer takes lone surrogates
        text = self._lead + prompt.encode()
        cut = self._last_boundary(text)
        owed = text[cut:]
        if any(bytes([byte]) not in self._whole for byte in owed):
            return self._healed(self.encode(prompt), b"")  # some vocabularies lack a byte
        tokens = self.encode(prompt)
        kept = size = 0
        while size < cut and kept < len(tokens):
            size += len(self.written.get(tokens[kept], b""))
            kept += 1
        if size == cut and self._bytes(tokens) == text:
            return self._healed(tokens[:kept], owed)
        while text[cut : cut + 1] and text[cut] & 0xC0 == 0x80:
            cut -= 1  # to the beginning of a character
        head = text[len(self._lead) : cut].decode()
        return self._healed(self.encode(head), text[cut:])

    def _healed(self, tokens: list[int], owed: bytes) -> Healed:
        return Healed((*self._begin, *tokens) or self._alone, owed)

    def allowed(self, owed: bytes) -> list[int]:
        """The tokens that ``owed`` begins with, and those that begin with ``owed``."""
        first = bisect_left(self._sorted, owed)
        size = len(owed)
        last = bisect_right(self._sorted, owed, lo=first, key=lambda word: word[:size])
        tokens = self._ids[first:last]
        for end in range(1, size):
            if owed[:end] in self._whole:
                at = bisect_left(self._sorted, owed[:end])
                while at < len(self._sorted) and self._sorted[at] == owed[:end]:
                    tokens.append(self._ids[at])
                    at += 1
            if owed[:end] not in self._partial:
                break
        return sorted(tokens)

    def _last_boundary(self, text: bytes) -> int:
        boundary = reach = 0  # no token that begins before the boundary ends behind `reach`
        for start in range(len(text)):
            if reach <= start:
                boundary = start
            end = start + 1
            while text[start:end] in self._partial:
                if end == len(text):  # a token may go on from here into what follows
                    return boundary
                end += 1
                if text[start:end] in self._whole:
                    reach = max(reach, end)
        return len(text)

    def encode(self, text: str) -> list[int]:
        """Without special tokens, even where the text spells one: prompts are not trusted."""
        encoded = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        return list(encoded.input_ids)

    def _bytes(self, tokens: list[int]) -> bytes:
        return b"".join(self.written.get(token, b"") for token in tokens)


def _token_bytes(tokenizer: Any) -> dict[int, bytes]:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or not hasattr(backend, "to_str"):
        raise ModelError(f"{type(tokenizer).__name__} has no tokenizer.json; save a fast tokenizer")
    described = json.loads(backend.to_str())
    decoder = json.dumps(described["decoder"], ensure_ascii=False)
    if '"ByteLevel"' in decoder:
        write = _write_byte_level
    elif _SPACE in decoder:
        write = _write_sentencepiece
    else:
        raise ModelError(
            "the tokenizer is neither byte-level nor SentencePiece, so its tokens have no fixed "
            "bytes; use another base model"
        )
    added = {token["id"]: token for token in described["added_tokens"]}
    written = {}
    for word, token in backend.get_vocab(with_added_tokens=True).items():
        if token not in added:
            written[token] = write(word)
        elif not added[token]["special"]:
            written[token] = word.encode()
    return written


def _byte_level_alphabet() -> dict[str, int]:
    """GPT-2's way to write any byte as one printable character."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    shifted = {chr(256 + index): byte for index, byte in enumerate(others)}
    return {chr(byte): byte for byte in printable} | shifted


_ALPHABET = _byte_level_alphabet()


def _write_byte_level(word: str) -> bytes:
    if all(character in _ALPHABET for character in word):
        return bytes(_ALPHABET[character] for character in word)
    return word.encode()


def _write_sentencepiece(word: str) -> bytes:
    if len(word) == 6 and word.startswith("<0x") and word.endswith(">"):
        return bytes([int(word[3:5], 16)])
    return word.replace(_SPACE, " ").encode()
