DROP VIEW postings;
