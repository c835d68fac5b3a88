"""What programs ask over HTTP, below ``/v1``: a module for each group of addresses.

A route reads what was asked, calls :mod:`jobstore.service.answers` and writes what it answered.
"""
