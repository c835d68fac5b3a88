-- The location, their texts joined, stays.
ALTER TABLE posting DROP COLUMN locations;
UPDATE store_property SET value = X'04'
WHERE store_property.name = 'derived_form' AND NOT EXISTS (SELECT 1 FROM posting);
UPDATE store_property SET value = X'03'
WHERE store_property.name = 'derived_form' AND EXISTS (SELECT 1 FROM posting);
