"""Alerts: rules about facts, the notifications of them, and where those go.

:func:`gather` takes a snapshot of facts, :func:`check` evaluates the rules of the settings for it
and delivers the notifications that are due. Both block. Traffic comes from ``monitoring``; the
report of health is handed in.
"""

from jobstore.operations.alerts.checking import Checked, check
from jobstore.operations.alerts.facts import Facts, gather
from jobstore.operations.alerts.state import AlertStore, Standing

__all__ = ["AlertStore", "Checked", "Facts", "Standing", "check", "gather"]
