"""Whole exports of the programs a company ran on before: who reads them, and what is brought in line after them."""

from __future__ import annotations

from app.domains.crm.centerpoint import guided, settling

__all__ = ["guided", "settling"]
