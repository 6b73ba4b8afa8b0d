-- Records: pipelines that were seen, executions, their runs, and the entries of their observations.

CREATE TABLE pipelines (
    pipeline_id text PRIMARY KEY,
    -- The pipeline as last seen, as JSON.
    snapshot json NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE executions (
    execution_id text PRIMARY KEY,
    tag text,
    -- The caller's object, as it came.
    meta_data json,
    created_at timestamptz NOT NULL
);

CREATE TABLE runs (
    run_id uuid PRIMARY KEY,
    execution_id text NOT NULL REFERENCES executions ON DELETE CASCADE,
    pipeline_id text NOT NULL,
    pipeline_version integer NOT NULL,
    state text NOT NULL CHECK (
        state IN ('queued', 'running', 'completed', 'completed_with_errors', 'failed', 'canceled', 'timed_out')
    ),
    attempt integer NOT NULL,
    media_count integer NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    queue_ms double precision,
    compute_ms double precision,
    gateway_ms double precision,
    model_versions json NOT NULL,
    error json
);

CREATE INDEX runs_of_execution ON runs (execution_id, run_id);

CREATE TABLE entries (
    execution_id text NOT NULL REFERENCES executions ON DELETE CASCADE,
    -- Order of an observation: by commit, then by media.
    position bigint GENERATED ALWAYS AS IDENTITY,
    entry_id uuid NOT NULL,
    run_id uuid NOT NULL,
    media_id text,
    pipeline_id text NOT NULL,
    pipeline_version integer NOT NULL,
    created_at timestamptz NOT NULL,
    -- The model's JSON object, as it came.
    content json NOT NULL,
    PRIMARY KEY (execution_id, position)
);
