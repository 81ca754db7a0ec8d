from __future__ import annotations

from tests.sources.conftest import cache

__all__ = ["cache"]
