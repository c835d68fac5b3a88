DROP TABLE asked_once;
