"""Retrains code language models and decides, on evidence, whether a new one may replace the old."""

__version__ = "0.1.0"
