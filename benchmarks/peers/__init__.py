"""The store beside what people would otherwise use, with the same postings in one run.

The packages it takes are the extra ``bench``. Every way has the same table, the same indexes and
the same settings (:mod:`benchmarks.peers.schema`), and the best form that its own documentation
shows; each module says which.
"""

from benchmarks.peers.running import run

__all__ = ["run"]
