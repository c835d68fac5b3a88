"""Looking after a store: examining it, repairing what can be rebuilt, giving space back.

Everything here blocks, and works on the store's file beside the programs that use it; what
writes holds the lock that keeps writers apart.
"""

from jobstore.operations.maintenance.examining import examine
from jobstore.operations.maintenance.repairing import Repaired, plan, repair
from jobstore.operations.maintenance.tidying import Vacuumed, checkpoint, merge, optimize, vacuum

__all__ = [
    "Repaired",
    "Vacuumed",
    "checkpoint",
    "examine",
    "merge",
    "optimize",
    "plan",
    "repair",
    "vacuum",
]
