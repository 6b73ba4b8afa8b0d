-- Doors: who comes in, whose each record is, files that are put in once, and artifacts that runs make.

CREATE TABLE api_keys (
    -- The part of the key that is no secret.
    key_id text PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    name text NOT NULL,
    -- Whose the records are that its holder makes.
    owner text NOT NULL,
    -- SHA-256 of the whole key.
    digest bytea NOT NULL,
    scopes text[] NOT NULL,
    -- Null is all.
    pipelines text[],
    -- Calls in a time, as '600/minute', and calls at once; null is as the settings say.
    rate text,
    concurrency integer,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE audit_events (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    -- Who did it, what, and to which key or pipeline.
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    details json
);

-- Whose each record is; empty for those of a gateway that asks nobody who they are.
ALTER TABLE executions ADD COLUMN owner text NOT NULL DEFAULT '';
ALTER TABLE hooks ADD COLUMN owner text NOT NULL DEFAULT '';

CREATE INDEX executions_of_owner ON executions (owner, number);
CREATE INDEX hooks_of_owner ON hooks (owner, number);

-- A hook's ID stays its owner's when the hook is gone: executions and runs may still name it.
CREATE TABLE hook_names (
    hook_id text PRIMARY KEY,
    owner text NOT NULL
);

INSERT INTO hook_names (hook_id, owner) SELECT hook_id, owner FROM hooks;

CREATE TABLE files (
    file_id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    owner text NOT NULL,
    -- What a caller calls it; shown, and never part of a path.
    filename text,
    purpose text,
    content_type text NOT NULL,
    size bigint NOT NULL,
    -- Its key in the blob store.
    blob text NOT NULL,
    created_at timestamptz NOT NULL,
    -- Seconds for which it is kept: null as the settings say, 0 for ever.
    ttl double precision CHECK (ttl >= 0),
    -- When its own seconds are over.
    expires_at timestamptz
);

CREATE INDEX files_of_owner ON files (owner, number);
CREATE INDEX files_expiring ON files (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX files_by_age ON files (created_at) WHERE ttl IS NULL;

CREATE TABLE artifacts (
    execution_id text NOT NULL REFERENCES executions ON DELETE CASCADE,
    artifact_id uuid NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    run_id uuid NOT NULL,
    -- The output it came from.
    name text NOT NULL,
    -- The page of the media that it was made of, from 1; null where the media has none.
    page integer,
    -- Of a tensor that is too large to stand in the entry: how its bytes are to be read.
    datatype text,
    shape json,
    content_type text NOT NULL,
    size bigint NOT NULL,
    blob text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (execution_id, artifact_id)
);

-- When Triton was seen to have it no more.
ALTER TABLE pipelines ADD COLUMN gone_at timestamptz;
