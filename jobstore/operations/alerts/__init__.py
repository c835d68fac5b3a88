"""Alerts: rules that judge facts, what was told of them, and where notices go.

:func:`gather` takes a snapshot of facts, :func:`check` judges it by the rules of the settings
and delivers what is to be told. Both block. What is measured is decided below, in
``monitoring`` and ``backup``; health is handed in as the names of the checks that fail.
"""

from jobstore.operations.alerts.checking import Checked, check
from jobstore.operations.alerts.facts import Facts, gather
from jobstore.operations.alerts.state import AlertStore, Standing

__all__ = ["AlertStore", "Checked", "Facts", "Standing", "check", "gather"]
