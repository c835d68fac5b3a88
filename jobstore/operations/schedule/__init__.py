"""What is due when, and doing it: once, whoever asks and however many do.

:func:`run_due` does what is due and returns, for cron; an :class:`Agent` stays and does the same
until it is stopped. :func:`upcoming` tells what is due when. What a task does is decided in the
packages below; when it was done last is kept in the database of operations.
"""

from jobstore.operations.schedule.agent import Agent
from jobstore.operations.schedule.running import Ran, Upcoming, run_due, upcoming
from jobstore.operations.schedule.tasks import NAMES

__all__ = ["NAMES", "Agent", "Ran", "Upcoming", "run_due", "upcoming"]
