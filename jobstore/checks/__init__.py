"""How well a store is: checks, each with a time limit, and what they found.

What can be asked of the store and of the process is here, with the self-test of a store; backups,
restore tests and alerts are operations, and bring their own checks along.
"""

from jobstore.checks.report import HealthReport
from jobstore.checks.running import Probe, run
from jobstore.settings import HealthLimits
from jobstore.verdicts import Check, Verdict

__all__ = ["Check", "HealthLimits", "HealthReport", "Probe", "Verdict", "run"]
