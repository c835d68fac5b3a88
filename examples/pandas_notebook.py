# %% [markdown]
"""From JobSpy to a store, and from the store to pandas. A notebook in percent format.

Open it in an editor that knows ``# %%`` cells (VS Code, Spyder, or Jupyter with jupytext), or
run it as ``python examples/pandas_notebook.py``. Needs ``pip install 'jobstore[pandas]'``. In
a notebook, write ``await main()`` instead of ``asyncio.run(main())``.
"""

# %%
from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from datetime import date
from pathlib import Path

import pandas as pd

import jobstore
from jobstore.exchange import postings_from_jobspy

database = Path(os.environ.get("EXAMPLE_DATABASE") or Path(tempfile.mkdtemp()) / "jobs.db")

# %% [markdown]
# `jobspy.scrape_jobs(...)` returns a DataFrame like this one. Empty cells are normal.

# %%
scraped = pd.DataFrame(
    [
        {
            "id": "in-7f31",
            "site": "indeed",
            "job_url": "https://board.example/viewjob?jk=7f31",
            "title": "Data Engineer",
            "company": "Copperlark",
            "location": "Leeds, England, GB",
            "date_posted": date(2025, 10, 30),
            "job_type": "fulltime",
            "interval": "yearly",
            "min_amount": 52000.0,
            "max_amount": 61000.0,
            "currency": "GBP",
            "is_remote": False,
            "description": "Pipelines in Python and SQL for a team of nine. Made up.",
        },
        {
            "id": "li-4021",
            "site": "linkedin",
            "job_url": "https://board.example/jobs/view/4021",
            "title": "Senior Data Engineer (C++)",
            "company": "Marrowstone Robotics",
            "location": "Wien, AT",
            "date_posted": date(2025, 11, 2),
            "job_type": "permanent",
            "is_remote": True,
            "description": "Sensor data from robots, close to the hardware. Made up.",
        },
        {
            "id": "in-8a90",
            "site": "indeed",
            "job_url": "https://board.example/viewjob?jk=8a90",
            "title": "Baker",
            "company": None,
            "location": "Graz, AT",
        },
    ]
)

# %% [markdown]
# The store takes the rows as they are. A value that cannot be read is left out of its field, kept
# in the posting's attributes, and listed as a warning. A row without a title would be rejected.


# %%
async def main() -> jobstore.UpsertReport:
    """Store the DataFrame."""
    async with jobstore.connect(f"sqlite:///{database}", migrate=True) as store:
        return await store.upsert_many(postings_from_jobspy(scraped))


report = asyncio.run(main())
print(f"{report.inserted} inserted, {report.updated} updated, {report.unchanged} unchanged")
for rejection in report.rejected:
    print(f"row {rejection.index}: {'; '.join(map(str, rejection.reasons))}")
for warning in report.warnings:
    print(f"row {warning.index}: {warning.field}: {warning.reason}")

# %% [markdown]
# The view `postings` is made for tools like pandas: ids as text, times in ISO 8601, salaries
# as numbers.

# %%
with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
    stored = pd.read_sql(
        "SELECT * FROM postings ORDER BY posted_at IS NULL, posted_at",
        connection,
        parse_dates=["posted_at"],
    )

print(stored[["title", "company", "country", "salary_min_per_year", "posted_at"]])
