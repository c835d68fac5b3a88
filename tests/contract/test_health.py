"""Health looks at a store through its engine; files are looked at where there are some."""

from __future__ import annotations

import jobstore
from jobstore import HealthLimits, JobPosting, Verdict
from jobstore.engines.backend import Capability
from tests.engines.harness import Harness, capabilities

# How fast the machine is, and what else it does, is no matter of the contract.
PATIENT = HealthLimits(timeout=60, get_ms=1e6, search_ms=1e6, statistics_ms=1e6)
OF_STORE = {
    *("store:responseTime", "operations:responseTime", "counters:total", "queue:depth"),
    *("performance:get", "performance:search", "performance:statistics"),
}


async def test_a_sound_store_is_well_and_nothing_of_the_look_stays(
    migrated_url: str, engine: Harness
) -> None:
    async with jobstore.connect(migrated_url) as store:
        await store.upsert(JobPosting(source="a", source_job_id="1", title="Cook", company="C"))
        checks = {check.name: check for check in (await store.health(PATIENT)).checks}

        assert {name: checks[name].verdict for name in OF_STORE} == dict.fromkeys(
            OF_STORE, Verdict.PASS
        )
        assert checks["counters:total"].observed == 1
        assert ("wal:size" in checks) is (Capability.FILES in capabilities(engine))
        assert await store.count() == 1
