"""Whether two postings are the same opening: pure rules on postings, without a store.

A store keeps :class:`Features` of each posting and finds candidates by their :func:`blocks`;
:func:`likely` screens those without their texts, and :func:`judge` reads the texts of what is left.
"""

from jobstore.lifecycle.duplicates.blocking import blocks
from jobstore.lifecycle.duplicates.evidence import Judgement, Kind, Reason, Verdict
from jobstore.lifecycle.duplicates.features import Features, Read, features, read
from jobstore.lifecycle.duplicates.judging import judge, likely
from jobstore.lifecycle.duplicates.reposts import Repost, repost

__all__ = [
    "Features",
    "Judgement",
    "Kind",
    "Read",
    "Reason",
    "Repost",
    "Verdict",
    "blocks",
    "features",
    "judge",
    "likely",
    "read",
    "repost",
]
