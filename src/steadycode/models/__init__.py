"""Finds and loads models, each of which is a folder of safetensors on this disk."""

from steadycode.models.loading import (
    LanguageModel,
    chat_template_hash,
    check_folder,
    device_class,
    fingerprint,
    load,
    pick_device,
    pick_dtype,
)
from steadycode.models.resolving import resolve

__all__ = [
    "LanguageModel",
    "chat_template_hash",
    "check_folder",
    "device_class",
    "fingerprint",
    "load",
    "pick_device",
    "pick_dtype",
    "resolve",
]
