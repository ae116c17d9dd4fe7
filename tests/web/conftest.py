"""The small company of tests/domains, for the stories told here over HTTP."""

from tests.domains.conftest import house

__all__ = ["house"]
