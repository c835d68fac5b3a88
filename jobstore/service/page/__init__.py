"""The page: searching, reading and judging postings in a browser, by the answers of all doors.

Templates make everything that is shown, with every value escaped, and a page works without any
script; htmx adds results as one types. The address of a page says all that it shows.
"""

from __future__ import annotations

from starlette.routing import BaseRoute

from jobstore.service.holding import Service
from jobstore.service.page import (
    applications,
    figures,
    files,
    postings,
    saved,
    searching,
    signing,
)
from jobstore.service.page.failing import Dressing, is_page

__all__ = ["Dressing", "is_page", "routes"]


def routes(service: Service) -> list[BaseRoute]:
    """Return the routes of all pages, which no description of the API has."""
    groups = [
        *(each.routes(service) for each in (searching, postings, applications, saved, figures)),
        *(each.routes() for each in (signing, files)),
    ]
    return [route for group in groups for route in group.routes]
