DROP TABLE deployment;
DROP TABLE backup_counter;
DROP TABLE restore_test;
DROP TABLE backup_attempt;
