"""What programs write for an empty cell says nothing, whatever the mapping."""

from __future__ import annotations

from typing import Any

import pytest

from jobstore.exchange import postings_from
from jobstore.intake.lenient import take_in

ROW: dict[str, Any] = {
    "site": "indeed",
    "title": "Engineer",
    "company": "Acme",
    "job_url": "https://www.indeed.com/viewjob?jk=0123456789abcdef",
}


@pytest.mark.parametrize("empty", ["None", "nan", "-1", "#N/A", "null"])
def test_an_empty_cell_gives_its_field_to_what_else_says_it(empty: str) -> None:
    row = {"id": empty, **ROW, "location": empty, "rating": empty}
    (given,) = postings_from([row], mapping="jobspy")
    posting, omissions = take_in(given)
    assert posting.source_job_id == "0123456789abcdef"
    assert posting.location is None
    assert omissions == []
    assert posting.attributes["rating"] == empty
