"""Deployments: bringing a store to this jobstore, checking it, and going back.

:func:`deploy` and :func:`roll_back` block. What is backed up, migrated, measured and watched is
done by the packages below; the order, the verdict and the report are here.
"""

from jobstore.engines.archive import Loss
from jobstore.operations.backup.trust import Doubt
from jobstore.operations.deployment.deploying import Plan, deploy, plan
from jobstore.operations.deployment.records import Book, Deployment, Status, backups_in_use
from jobstore.operations.deployment.report import markdown
from jobstore.operations.deployment.rolling_back import loss_of, roll_back
from jobstore.operations.deployment.undoing import Values

__all__ = [
    "Book",
    "Deployment",
    "Doubt",
    "Loss",
    "Plan",
    "Status",
    "Values",
    "backups_in_use",
    "deploy",
    "loss_of",
    "markdown",
    "plan",
    "roll_back",
]
