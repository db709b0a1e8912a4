-- A live build of another version than the code's, kept on purpose: the version of the code that is to leave it alone.
ALTER TABLE projections ADD COLUMN pinned_against integer;

-- "scratch": made only to be compared and then dropped; never a candidate for readers.
ALTER TABLE projections DROP CONSTRAINT projections_state_check;
ALTER TABLE projections ADD CONSTRAINT projections_state_check
    CHECK (state IN ('building', 'live', 'retired', 'scratch'));
