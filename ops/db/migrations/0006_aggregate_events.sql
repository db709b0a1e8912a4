-- The events of aggregates by position, among however many of exchanges: empty in the partitions of exchanges, and
-- nothing to keep up to date there. Readers repeat the condition, word for word, so that the planner knows.
CREATE INDEX nexus_events_aggregates_idx ON nexus_events (notification_id)
    WHERE topic NOT IN (
        'request-received', 'response-started', 'chunk-streamed', 'response-completed', 'response-aborted',
        'recording-gap'
    );
