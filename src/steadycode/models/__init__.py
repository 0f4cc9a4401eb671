"""Finds and loads models, each of which is a folder of safetensors on this disk."""

from steadycode.models.loading import (
    LanguageModel,
    chat_template_hash,
    check_folder,
    device_class,
    fingerprint,
    load,
    load_tokenizer,
    pick_device,
    pick_dtype,
)
from steadycode.models.resolving import check_spelling, resolve

__all__ = [
    "LanguageModel",
    "chat_template_hash",
    "check_folder",
    "check_spelling",
    "device_class",
    "fingerprint",
    "load",
    "load_tokenizer",
    "pick_device",
    "pick_dtype",
    "resolve",
]
