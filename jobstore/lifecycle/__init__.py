"""What a posting lives through: which postings are one opening, and what comes after another."""
