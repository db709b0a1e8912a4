-- Between which streams lie the events of an append? Partitions are ranges of streams, so who reads what was appended
-- lately looks into their partitions only, and not into those of every month that is kept.
--
-- NULL: sealed before this migration.
ALTER TABLE event_seals ADD COLUMN lowest uuid, ADD COLUMN highest uuid;
COMMENT ON COLUMN event_seals.lowest IS 'the smallest originator_id of its events';
COMMENT ON COLUMN event_seals.highest IS 'the largest originator_id of its events';
