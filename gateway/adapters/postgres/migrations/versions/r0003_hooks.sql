-- Hooks, and the deliveries that they and single calls bring about.

ALTER TABLE executions ADD COLUMN hook_ids text[] NOT NULL DEFAULT '{}';

CREATE TABLE hooks (
    hook_id text PRIMARY KEY,
    -- Order of lists.
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    -- The hook as JSON, but for what stands beside it.
    definition json NOT NULL,
    enabled boolean NOT NULL,
    -- What its deliveries are signed with.
    secrets text[] NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE deliveries (
    -- The webhook-id of every try.
    delivery_id uuid PRIMARY KEY,
    -- Order of lists.
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    execution_id text NOT NULL REFERENCES executions ON DELETE CASCADE,
    -- Null for the address of a single call.
    hook_id text,
    url text NOT NULL,
    -- Host and port of the address: deliveries to one receiver share its places.
    receiver text NOT NULL,
    -- What signs a delivery that belongs to no hook.
    secret text,
    event json NOT NULL,
    -- What the record does not keep and the body needs: a transient observation, media of the call by blob.
    observation json,
    documents json,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'canceled')),
    attempt integer NOT NULL DEFAULT 0,
    -- When it is tried next; while somebody tries it, when others may.
    due_at timestamptz,
    created_at timestamptz NOT NULL,
    last_attempt_at timestamptz,
    last_status integer,
    last_failure text,
    last_excerpt text NOT NULL DEFAULT '',
    ended_at timestamptz
);

CREATE INDEX deliveries_pending ON deliveries (receiver, due_at) WHERE state = 'pending';
CREATE INDEX deliveries_of_execution ON deliveries (execution_id, number);
CREATE INDEX deliveries_of_hook ON deliveries (hook_id, number) WHERE hook_id IS NOT NULL;
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;
