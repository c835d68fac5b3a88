"""What operators do with a store: watch it, back it up, deploy it, look after it.

Each package here imports only from those below it, in the order that ``.importlinter`` gives.
What people type and see is in ``jobstore.cli``.
"""
