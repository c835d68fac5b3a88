"""A Scrapy item pipeline that stores every item in a job store.

In a project's ``settings.py``::

    TWISTED_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
    ITEM_PIPELINES = {"scrapy_pipeline.JobStorePipeline": 300}
    JOBSTORE_URL = "sqlite:///jobs.db"

Items are dictionaries or :class:`jobstore.JobPosting`, ``scrapy.Item`` or any other mapping,
with the names of a posting's fields. Scrapy runs ``process_item`` for many items at once; they
share the store, which writes what waits together in one transaction.
"""

from __future__ import annotations

from typing import Any

import jobstore


class JobStorePipeline:
    """Stores items; what the store did is counted in Scrapy's stats as ``jobstore/...``."""

    def __init__(self, url: str, stats: Any = None) -> None:
        self._url = url
        self._stats = stats
        self._store: jobstore.JobStore | None = None

    @classmethod
    def from_crawler(cls, crawler: Any) -> JobStorePipeline:
        """Make the pipeline from the project's settings; Scrapy calls this."""
        from scrapy import signals

        pipeline = cls(crawler.settings.get("JOBSTORE_URL", "sqlite:///jobs.db"), crawler.stats)
        # Scrapy awaits the handlers of these signals; a pipeline's own open_spider and
        # close_spider are awaited by its newest versions only.
        crawler.signals.connect(pipeline.open, signal=signals.spider_opened)
        crawler.signals.connect(pipeline.close, signal=signals.spider_closed)
        return pipeline

    async def open(self) -> None:
        """Open the store, and bring its schema up to date."""
        self._store = await jobstore.connect(self._url, migrate=True)

    async def close(self) -> None:
        """Finish what was accepted, and close the store."""
        if self._store is not None:
            await self._store.close()

    async def process_item(self, item: Any, spider: Any = None) -> Any:
        """Store one item and hand it on; an item with faults is dropped, and says why."""
        if self._store is None:
            raise RuntimeError("the spider was not opened")
        posting = item if isinstance(item, jobstore.JobPosting) else dict(item)
        try:
            result = await self._store.upsert(posting)
        except jobstore.InvalidPosting as error:
            self._count("rejected")
            from scrapy.exceptions import DropItem

            raise DropItem(str(error)) from error
        self._count(result.outcome)
        return item

    def _count(self, what: str) -> None:
        if self._stats is not None:
            self._stats.inc_value(f"jobstore/{what}")
