-- A renewal that is not ended is given up; `migrate up` begins it anew.
DROP TRIGGER IF EXISTS renewal_insert;
DROP TRIGGER IF EXISTS renewal_update;
DROP TRIGGER IF EXISTS renewal_sighting;
DROP TRIGGER IF EXISTS renewal_delete;
DROP TRIGGER IF EXISTS renewal_text_update;
DROP TRIGGER IF EXISTS renewal_text_delete;
DROP TABLE renewal_counter;
DROP TABLE renewal_change;
DROP TABLE renewal;
DELETE FROM store_property WHERE store_property.name = 'compatible';
