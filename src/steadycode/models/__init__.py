"""Finds and loads models, each of which is a folder of safetensors on this disk."""

from steadycode.models.loading import (
    LanguageModel,
    check_folder,
    device_class,
    earlier_fingerprint,
    fingerprint,
    load,
    load_tokenizer,
    pick_device,
    pick_dtype,
)
from steadycode.models.resolving import check_spelling, resolve

__all__ = [
    "LanguageModel",
    "check_folder",
    "check_spelling",
    "device_class",
    "earlier_fingerprint",
    "fingerprint",
    "load",
    "load_tokenizer",
    "pick_device",
    "pick_dtype",
    "resolve",
]
