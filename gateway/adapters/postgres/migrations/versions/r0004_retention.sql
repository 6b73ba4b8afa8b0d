-- Retention: how long each execution is kept, keys that outlive their runs, and blobs that are to be removed.

-- Of executions there were, the time begins now.
ALTER TABLE executions
    -- Seconds for which it is kept after its last change: null as the settings say, 0 for ever.
    ADD COLUMN ttl double precision CHECK (ttl >= 0),
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now(),
    -- Its last change as the sweeper knows it, and for one with seconds of its own when these are over. The sweeper
    -- alone moves them on, when it comes by: a change of the execution touches no index.
    ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN due_at timestamptz;

CREATE INDEX executions_by_age ON executions (transient, seen_at) WHERE ttl IS NULL;
CREATE INDEX executions_due ON executions (due_at) WHERE ttl > 0;

CREATE INDEX media_by_age ON media (created_at);

ALTER TABLE idempotency_keys
    -- No record of a run stands behind it: it is not written yet, or gone. Any other key stays as long as its run.
    ADD COLUMN loose boolean NOT NULL DEFAULT false;

UPDATE idempotency_keys SET loose = true
WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.run_id = idempotency_keys.run_id);

DROP INDEX idempotency_keys_by_age;
CREATE INDEX idempotency_keys_loose ON idempotency_keys (created_at) WHERE loose;
CREATE INDEX idempotency_keys_of_execution ON idempotency_keys (execution_id);

-- Blobs that are to be removed: written with the end of what needed them, and before what will need them.
CREATE TABLE doomed_blobs (
    -- Its key in the blob store.
    blob text PRIMARY KEY,
    due_at timestamptz NOT NULL DEFAULT now(),
    -- It is being stored: until it is due, the record that needs it may take it out of here.
    awaited boolean NOT NULL DEFAULT false
);

CREATE INDEX doomed_blobs_due ON doomed_blobs (due_at);
