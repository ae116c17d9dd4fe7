"""The API: every table as JSON for programs, by the same declarations, functions and rights as the pages."""

from app.web.api import openapi, records
from app.web.api.blueprint import blueprint

__all__ = ["blueprint", "openapi", "records"]
