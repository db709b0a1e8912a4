CREATE TABLE tally (counted bigint NOT NULL, total numeric NOT NULL);
INSERT INTO tally VALUES (0, 0);
