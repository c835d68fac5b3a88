DELETE FROM store_property WHERE name = 'derived_form';
ALTER TABLE posting DROP COLUMN digest;
