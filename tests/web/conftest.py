"""The small company of tests/domains, and a foreign database around the console, for the stories told here over HTTP."""

from tests.domains.conftest import house
from tests.web.foreign import foreign

__all__ = ["foreign", "house"]
