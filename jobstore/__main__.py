"""Lets ``python -m jobstore`` do what the ``jobstore`` command does; nothing else."""

from __future__ import annotations

from jobstore.cli.main import main

if __name__ == "__main__":
    main()
