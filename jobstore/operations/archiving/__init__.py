"""The log of every write, kept in every place beside the backups, so that any second can be had.

:mod:`~jobstore.operations.archiving.segments` has the form in which it lies there,
:mod:`~jobstore.operations.archiving.shipping` brings it there.
"""
