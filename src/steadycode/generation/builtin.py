"""The built-in engine: one model of ours, decoded in this process."""

import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from steadycode.config import Decoding
from steadycode.generation.chat import template_hash
from steadycode.generation.completion import ENGINE, complete
from steadycode.generation.contract import Completion, EngineConditions

if TYPE_CHECKING:
    from steadycode.models import LanguageModel

BUILTIN = f"{ENGINE}, python {platform.python_version()}"
"""The engine's name in the conditions of evidence."""


class BuiltinEngine:
    """Completes with ``model``, and keeps what it has completed in the folder ``cache``."""

    def __init__(
        self,
        model: "LanguageModel",
        decoding: Decoding,
        *,
        seed: int = 0,
        cache: Path | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        on_message: Callable[[str], None] | None = None,
    ) -> None:
        from steadycode.models import device_class

        self._model, self._decoding, self._seed, self._cache = model, decoding, seed, cache
        self._on_progress, self._on_message = on_progress, on_message
        self.conditions = EngineConditions(
            engine=BUILTIN,
            dtype=str(model.model.dtype).removeprefix("torch."),
            device=device_class(model.device),
            decoding=decoding.model_dump(mode="json"),
            chat_template=template_hash(model.tokenizer) if decoding.style == "chat" else "",
        )

    def complete(self, prompts: Sequence[str]) -> Iterator[Completion]:
        """As ``generation.complete`` does."""
        return complete(
            self._model,
            prompts,
            self._decoding,
            seed=self._seed,
            cache=self._cache,
            on_progress=self._on_progress,
            on_message=self._on_message,
        )
