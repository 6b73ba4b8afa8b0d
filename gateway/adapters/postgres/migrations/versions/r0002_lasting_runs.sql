-- Runs that last: priorities, due times, past attempts, cancellation, and the keys that make a call safe to repeat.

ALTER TABLE runs
    -- -1 low, 0 normal, 1 high: among runs that are due, the higher comes first.
    ADD COLUMN priority smallint NOT NULL DEFAULT 0,
    -- The time before which the caller does not want it to begin.
    ADD COLUMN execute_after timestamptz,
    -- The worker that holds it, or held it last.
    ADD COLUMN worker text,
    -- Attempts that ended without ending the run, in order: number, worker, times, error.
    ADD COLUMN past_attempts json[] NOT NULL DEFAULT '{}',
    ADD COLUMN cancel_requested_at timestamptz;

DROP INDEX runs_not_ended;
CREATE INDEX runs_not_ended ON runs (priority DESC, due_at) WHERE request IS NOT NULL AND state IN ('queued', 'running');

CREATE TABLE idempotency_keys (
    -- SHA-256 of the key: the key itself is not kept.
    digest bytea PRIMARY KEY,
    -- SHA-256 of what was asked: the same key for something else is refused.
    fingerprint bytea NOT NULL,
    run_id uuid NOT NULL,
    execution_id text NOT NULL,
    -- The IDs of the entries that the caller put in with the call, which belong to its answer: a JSON array.
    seed json NOT NULL DEFAULT '[]',
    -- Until when a call that is waited for holds the key; null once it has ended, and for runs in the background.
    lease_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
