-- Records: pipelines that were seen, executions, their media, their runs, and the entries of their observations.

CREATE TABLE pipelines (
    pipeline_id text PRIMARY KEY,
    -- The pipeline as last seen, as JSON.
    snapshot json NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE executions (
    execution_id text PRIMARY KEY,
    -- Order of lists.
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    tag text,
    -- The caller's object, as it came.
    meta_data json,
    created_at timestamptz NOT NULL,
    -- Its newest run, and that run's state, times and error.
    newest_run uuid,
    state text,
    started_at timestamptz,
    completed_at timestamptz,
    error json,
    -- Nothing but the record of the run is kept.
    transient boolean NOT NULL DEFAULT false
);

CREATE INDEX executions_by_tag ON executions (tag, number) WHERE tag IS NOT NULL;

CREATE TABLE media (
    execution_id text NOT NULL REFERENCES executions ON DELETE CASCADE,
    media_id text NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    content_type text NOT NULL,
    size bigint NOT NULL,
    -- Its key in the blob store.
    blob text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (execution_id, media_id)
);

CREATE TABLE runs (
    run_id uuid PRIMARY KEY,
    execution_id text NOT NULL REFERENCES executions ON DELETE CASCADE,
    pipeline_id text NOT NULL,
    pipeline_version integer NOT NULL,
    state text NOT NULL CHECK (
        state IN ('queued', 'running', 'completed', 'completed_with_errors', 'failed', 'canceled', 'timed_out')
    ),
    -- Which try this is; a claim adds one, and only the try that holds the run can end it.
    attempt integer NOT NULL,
    media_count integer NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    queue_ms double precision,
    compute_ms double precision,
    gateway_ms double precision,
    model_versions json NOT NULL,
    error json,
    -- What a run in the background is to do; null for a run whose caller waits.
    request json,
    -- When a run in the background is due, and until when a worker holds it.
    due_at timestamptz,
    lease_until timestamptz
);

CREATE INDEX runs_of_execution ON runs (execution_id, run_id);
CREATE INDEX runs_not_ended ON runs (due_at) WHERE request IS NOT NULL AND state IN ('queued', 'running');

CREATE TABLE entries (
    execution_id text NOT NULL REFERENCES executions ON DELETE CASCADE,
    -- Order of an observation: by commit, then by media.
    position bigint GENERATED ALWAYS AS IDENTITY,
    entry_id text NOT NULL,
    -- Null where a caller put the entry in.
    run_id uuid,
    media_id text,
    pipeline_id text,
    pipeline_version integer,
    created_at timestamptz NOT NULL,
    -- The JSON object of the model, or of the caller, as it came.
    content json NOT NULL,
    -- The run that took its place.
    superseded_by uuid,
    PRIMARY KEY (execution_id, position),
    UNIQUE (execution_id, entry_id)
);
