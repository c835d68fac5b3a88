-- All places of a posting, where they say more than its location and country: a JSON array of
-- objects with text, city, region and country. NULL where they do not, as in every row so far.
ALTER TABLE posting ADD COLUMN locations /* all places, where location and country do not say it all */ TEXT;

-- The digests and the words of the index cover them. A store without postings has the present form.
UPDATE store_property SET value = X'05'
WHERE store_property.name = 'derived_form' AND NOT EXISTS (SELECT 1 FROM posting);
