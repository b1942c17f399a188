"""Delivery models: ways to bring one file to all clients, each with its bound.

A new model is one new module here with a class under `@register`; nothing else changes.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from experiments.models.model import REGISTERED, Model


@cache
def models() -> Mapping[str, Model]:
    """Return every model by name, the textbook's first."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return dict(sorted(REGISTERED.items(), key=lambda item: (item[1].rank, item[0])))
