"""What a posting lives through: runs, closing, history, duplicates, applications, saved searches.

Rules live here, and what reads and writes by them over the protocol of engines; SQL may not.
"""
