"""Every limit of the gateway, by name; a setting of the same name in lower case may change those marked (setting)."""

from typing import Final

MIB: Final = 1024 * 1024

#: Bytes of one request body, before base64 is decoded (setting).
MAX_BODY_BYTES: Final = 64 * MIB
#: Bytes of one media, decoded: as many as base64 in the largest body makes.
MAX_MEDIA_BYTES: Final = 48 * MIB
#: Media of one call, brought or stored.
MAX_MEDIA_PER_CALL: Final = 256
#: Media of one call that are fetched at once, where it names them instead of bringing them.
FETCHES_PER_CALL: Final = 4
#: Media that one process fetches from URLs at once; those past it wait.
URLS_IN_HAND: Final = 32
#: Of these, from one host.
URLS_PER_HOST: Final = 8
#: Seconds that one URL may take, from looking up its name to the last byte, redirects included.
URL_TIMEOUT: Final = 15.0
#: Redirects that are followed from one URL.
MAX_URL_REDIRECTS: Final = 3
#: Characters of the URL of a media.
MAX_MEDIA_URL_CHARACTERS: Final = 4096
#: Characters of the name of a file.
MAX_FILENAME_CHARACTERS: Final = 255
#: Parts of a form.
MAX_FORM_PARTS: Final = 2 * MAX_MEDIA_PER_CALL
#: Headers of one part of a form.
MAX_PART_HEADERS: Final = 8
#: Bytes of one such header.
MAX_PART_HEADER_BYTES: Final = 4096
#: Characters of `text`, and of the text that is read of one media.
MAX_TEXT_CHARACTERS: Final = 1_000_000
#: Inputs that one call gives by name.
MAX_INPUTS: Final = 64
#: Bytes of `inputs`, as JSON.
MAX_INPUTS_BYTES: Final = 8 * MIB
#: Parameters of `runtimeParameters`.
MAX_PARAMETERS: Final = 64
#: Bytes of `runtimeParameters`, as JSON.
MAX_PARAMETERS_BYTES: Final = 16 * 1024
#: Arrays and objects that stand in one another, in a field that takes any JSON and in what a model sends as JSON.
MAX_JSON_DEPTH: Final = 128
#: Bytes of the content of one entry, whoever made it.
MAX_ENTRY_BYTES: Final = 32 * MIB
#: Bytes of an observation that a caller gives, or that one run finds.
MAX_OBSERVATION_BYTES: Final = 48 * MIB
#: Entries of an observation that a caller gives.
MAX_GIVEN_ENTRIES: Final = 10_000
#: Inferences of one call that are with Triton at the same time.
MEDIA_IN_PARALLEL: Final = 8
#: Calls of executeSync in hand at once; past it a call is refused at once (setting).
MAX_SYNC_CALLS: Final = 256
#: Calls of executeSync of one pipeline in hand at once (setting); its own config may narrow that.
MAX_PIPELINE_CALLS: Final = MAX_SYNC_CALLS
#: Inferences with Triton at once, over all calls; those past it wait in order (setting).
MAX_INFERENCES: Final = 64
#: Artifacts of one entry.
MAX_ARTIFACTS_PER_ENTRY: Final = 64
#: Elements of a tensor that stands in an entry; a larger one is an artifact.
MAX_TENSOR_ELEMENTS: Final = 100_000
#: Bytes of one artifact.
MAX_ARTIFACT_BYTES: Final = 64 * MIB
#: Pixels of an image that the gateway itself decodes, and a quarter of the bytes of one image on a page of a PDF.
MAX_IMAGE_PIXELS: Final = 64_000_000
#: Dots per inch at which a page of a PDF is rendered.
PAGE_DPI: Final = 200.0
#: Dots per inch below which it is not rendered at all.
LEAST_PAGE_DPI: Final = 36.0
#: Pixels of a rendered page; a larger one gets fewer dots per inch.
MAX_PAGE_PIXELS: Final = 20_000_000
#: Pages of one media that a call may run on.
MAX_PAGES_PER_MEDIA: Final = 1000
#: Frames of one media, whether or not a call runs on them.
MAX_FRAMES_PER_MEDIA: Final = 1000
#: Pages and frames of all media of one call.
MAX_PAGES_PER_CALL: Final = 2000
#: Pages that are rendered and not yet answered by Triton, over all calls of one process.
PAGES_IN_HAND: Final = 16
#: Characters of a page range.
MAX_PAGE_RANGE_CHARACTERS: Final = 1000
#: Children that decode and render media, per process (setting).
DECODER_CHILDREN: Final = 2
#: Bytes of address space of one such child.
DECODER_MEMORY: Final = 1024 * MIB
#: Seconds that one page, one image or one text may take.
DECODER_TIMEOUT: Final = 20.0
#: Files in an office document, which is an archive.
MAX_ZIP_ENTRIES: Final = 5000
#: Bytes of these files together, unpacked.
MAX_UNZIPPED_BYTES: Final = 256 * MIB
#: How many times its own size that may be.
MAX_ZIP_RATIO: Final = 100
#: Bytes of one answer from Triton.
MAX_INFERENCE_REPLY_BYTES: Final = 256 * MIB
#: Characters of `tag`.
MAX_TAG_CHARACTERS: Final = 256
#: Bytes of `metaData`, as JSON.
MAX_META_DATA_BYTES: Final = 64 * 1024
#: Characters of an ID that a caller chooses: of an execution, a hook, an entry, a request.
MAX_ID_CHARACTERS: Final = 128
#: Characters of an idempotency key.
MAX_KEY_CHARACTERS: Final = 255
#: Characters of the name of a hook, of a key, or of an owner.
MAX_NAME_CHARACTERS: Final = 256
#: Bytes of the path and query of a request.
MAX_TARGET_BYTES: Final = 8 * 1024
#: Parameters of one query.
MAX_QUERY_PARAMETERS: Final = 32
#: Headers of one request.
MAX_REQUEST_HEADERS: Final = 100
#: Bytes of its headers, the names and four more of each among them.
MAX_REQUEST_HEADERS_BYTES: Final = 32 * 1024
#: Bytes of the metadata of one call by gRPC, as gRPC counts them: 32 more for each.
MAX_METADATA_BYTES: Final = 16 * 1024

#: Seconds a synchronous call may take when it names no timeout of its own (setting).
SYNC_TIMEOUT: Final = 30.0
#: Seconds that a call may ask for at most.
MAX_SYNC_TIMEOUT: Final = 600.0
#: Seconds after which an inference whose caller has gone is given up.
ABANDONED_INFERENCE_TIMEOUT: Final = 300.0
#: Seconds within which the head of a request must have arrived, once it has begun.
HEAD_TIMEOUT: Final = 30.0
#: Seconds within which the body of a request must have arrived.
BODY_TIMEOUT: Final = 60.0
#: Seconds to open a connection to Triton or the database.
CONNECT_TIMEOUT: Final = 5.0
#: Seconds after which a connection to a machine that does not answer any more is given up.
DEAD_PEER_TIMEOUT: Final = 30.0
#: Seconds that any control call to Triton may take.
CONTROL_TIMEOUT: Final = 10.0
#: Connections to Triton over which its counters are asked: looks at so many models at once.
COUNTING_CONNECTIONS: Final = 8
#: Seconds that a dead model may take to be loaded again.
HEALING_TIMEOUT: Final = 120.0
#: Seconds after a healing in which the same model is not healed again; each further death doubles them.
FIRST_HEALING_PAUSE: Final = 1.0
#: Seconds that this pause lasts at the most.
LONGEST_HEALING_PAUSE: Final = 60.0
#: Seconds without a death after which the pause is the first again.
HEALED_AFTER: Final = 300.0
#: Seconds that one database statement may take.
STATEMENT_TIMEOUT: Final = 30.0
#: Seconds that a finished run waits for others to share its transaction, for each other call in hand.
COMMIT_WAIT_PER_CALL: Final = 0.001
#: Seconds that it waits at the most.
MAX_COMMIT_WAIT: Final = 0.010
#: Finished runs of one transaction.
MAX_RUNS_PER_COMMIT: Final = 64
#: Connections to the database, per process.
DATABASE_CONNECTIONS: Final = 8
#: Seconds between two looks at Triton's models.
DISCOVERY_INTERVAL: Final = 3.0
#: Seconds within which a look at Triton's models is not repeated for a pipeline that nobody knows.
DISCOVERY_FRESHNESS: Final = 1.0
#: Seconds that what is in hand gets to end when the process stops (setting).
DRAIN_TIMEOUT: Final = 20.0
#: Seconds for which a REST door that has stopped listening still answers on connections that are open.
DRAIN_LINGER: Final = 1.0
#: Seconds after which an idle REST connection is closed: longer than proxies keep theirs.
KEEP_ALIVE_TIMEOUT: Final = 75.0

#: Rows of a list when the caller names no limit.
DEFAULT_PAGE: Final = 100
#: Rows of a list at the most.
MAX_PAGE: Final = 1000
#: Characters of a step's own refusal that are shown.
MAX_REFUSAL_CHARACTERS: Final = 200

#: Children that evaluate transforms, per process.
TRANSFORM_CHILDREN: Final = 2
#: Bytes of address space of one such child.
TRANSFORM_MEMORY: Final = 512 * MIB
#: Seconds one transform may take.
TRANSFORM_TIMEOUT: Final = 5.0
#: Characters of one transform.
MAX_TRANSFORM_CHARACTERS: Final = 16 * 1024
#: Arrays and objects that stand in one another in a document that a transform reads, which is what its engine follows,
#: and in what it makes.
MAX_TRANSFORM_DEPTH: Final = 1024
#: Bytes that one transform may make.
MAX_TRANSFORM_BYTES: Final = 64 * MIB

#: Entries that are read from the database at once.
ENTRIES_PER_READ: Final = 500
#: Seconds for which a worker holds a run; it extends the lease while it lives (setting).
RUN_LEASE: Final = 30.0
#: How much of that is the lease itself; the rest is for noticing that it is over.
LEASE_SHARE: Final = 0.8
#: Seconds between two such extensions, at the most; by then a worker knows that a run is to be canceled.
LONGEST_BEAT: Final = 2.0
#: Tries of a run in the background, where what failed can heal.
MAX_ATTEMPTS: Final = 8
#: Seconds before the second try, half of them by chance; each further one waits twice as long.
FIRST_RETRY: Final = 1.0
#: Seconds that it waits at the most.
LONGEST_RETRY: Final = 60.0
#: Seconds between two tries to write the end of a run while the database is away, more or less.
WRITE_RETRY: Final = 0.5
#: Seconds that a run in the background may take when its call names none.
ASYNC_TIMEOUT: Final = 600.0
#: Seconds that a run may wait for its pipeline to be there (setting).
QUEUE_TIMEOUT: Final = 24 * 3600.0
#: Seconds ahead that a caller may put a run off.
MAX_EXECUTE_AFTER: Final = 30 * 24 * 3600.0
#: Runs that may wait for a worker; past it no more are accepted (setting).
MAX_QUEUED_RUNS: Final = 100_000
#: Seconds for which a count of the runs that wait is good.
BACKLOG_FRESHNESS: Final = 1.0
#: Seconds that a look at the queue may take, for whoever asks for metrics.
QUEUE_LOOK_TIMEOUT: Final = 2.0
#: Runs in the background that one worker has in hand at once (setting).
WORKER_RUNS: Final = 16
#: Seconds between two looks for runs that nobody woke a worker for, at the most.
RECONCILE_INTERVAL: Final = 2.0
#: Seconds after which staged media that no run needs are swept (setting).
SWEEP_AFTER: Final = 3600.0
#: Seconds between two sweeps (setting).
SWEEP_INTERVAL: Final = 300.0
#: Blobs of one look of the sweeper.
BLOBS_PER_SWEEP: Final = 1000
#: Rows that the sweeper removes in one transaction.
ROWS_PER_SWEEP: Final = 1000
#: Executions that the sweeper holds in one transaction.
EXECUTIONS_PER_SWEEP: Final = 100
#: Entries that go with them, unless a single execution has more.
ENTRIES_PER_SWEEP: Final = 10_000
#: Seconds that the removal of an execution may take.
REMOVAL_TIMEOUT: Final = 600.0
#: Seconds for which a sweeper has blobs that it removes to itself.
REMOVAL_LEASE: Final = 300.0
#: Seconds within which media that is being uploaded must be recorded.
UPLOAD_TIMEOUT: Final = 3600.0
#: Bytes of one file that is put in to be used by its ID (setting).
MAX_FILE_BYTES: Final = 256 * MIB
#: Files that are being put in at once, per process; more are refused.
MAX_FILE_UPLOADS: Final = 32
#: Bytes of one field that stands beside a file in its form.
MAX_FILE_FIELD_BYTES: Final = 4096
#: Seconds within which all of a file must have arrived; each piece has those of a body.
FILE_UPLOAD_TIMEOUT: Final = 1800.0
#: Characters of what a file is for.
MAX_PURPOSE_CHARACTERS: Final = 64
#: Bytes of a stored blob that are written, read or sent at once.
BLOB_PIECE_BYTES: Final = MIB
#: Seconds that an execution, a record or a key may be kept at the most, where it is not for ever.
MAX_RETENTION: Final = 100 * 365 * 24 * 3600.0
#: Seconds for which an execution is kept after its last change (setting).
EXECUTION_RETENTION: Final = 30 * 24 * 3600.0
#: Seconds for which the record of a transient run is kept (setting).
TRANSIENT_RETENTION: Final = 24 * 3600.0
#: Seconds for which a file is kept that names no time of its own (setting).
FILE_RETENTION: Final = 30 * 24 * 3600.0
#: Seconds for which an idempotency key is known, if the record of its run is not kept longer (setting).
KEY_RETENTION: Final = 24 * 3600.0
#: Seconds for which a delivery that has ended is kept (setting).
DELIVERY_RETENTION: Final = 30 * 24 * 3600.0
#: Seconds for which the queue's own log is kept (setting).
QUEUE_LOG_RETENTION: Final = 24 * 3600.0
#: Seconds between two looks at runs that callers follow.
FOLLOW_INTERVAL: Final = 0.25
#: Callers who follow runs at once, per process.
MAX_FOLLOWERS: Final = 1000
#: Seconds that one request may wait for a run to change.
MAX_WAIT: Final = 60.0
#: Seconds after which a caller who looks at a run again and again is told to look.
POLL_INTERVAL: Final = 1.0
#: Seconds between two signs of life in a stream of events.
HEARTBEAT: Final = 15.0
#: Seconds after which a stream of events ends, to be opened again: it may be with another gateway then.
MAX_STREAM_AGE: Final = 900.0
#: Seconds after which a browser opens a stream of events again that has ended.
STREAM_RETRY: Final = 1.0

#: Seconds for which a delivery is held by who sends it; then others may.
DELIVERY_LEASE: Final = 60.0
#: Deliveries that one process has in hand at once.
DELIVERIES_IN_HAND: Final = 64
#: Seconds between two looks for deliveries that are due.
DELIVERY_INTERVAL: Final = 1.0
#: Seconds that deliveries in hand get to end when the process stops; what is left is sent when its lease is over.
DELIVERY_DRAIN: Final = 5.0
#: Hooks of one execution or call.
MAX_HOOKS_PER_EXECUTION: Final = 16
#: Seconds that one sending to a receiver may take, from looking up its name to the end of its answer.
DELIVERY_TIMEOUT: Final = 15.0
#: Sendings to one receiver at once; those past it wait.
DELIVERIES_PER_RECEIVER: Final = 8
#: Bytes of one delivery, documents included.
MAX_DELIVERY_BYTES: Final = 64 * MIB
#: Bytes of the deliveries that one process has in hand; past it others wait. One that is not written yet counts as the
#: largest there can be.
DELIVERY_BYTES_IN_HAND: Final = 8 * MAX_DELIVERY_BYTES
#: Bytes that are read of a receiver's answer.
MAX_ANSWER_BYTES: Final = 16 * 1024
#: Characters of it that are kept.
MAX_EXCERPT_CHARACTERS: Final = 500
#: Seconds that a receiver may put a delivery off with Retry-After.
LONGEST_DELAY: Final = 24 * 3600.0
#: Characters of the address of a receiver.
MAX_URL_CHARACTERS: Final = 2048
#: Headers of a hook's own.
MAX_HOOK_HEADERS: Final = 32
#: Characters of the value of such a header.
MAX_HEADER_CHARACTERS: Final = 4096
#: Secrets that a hook signs with at once.
MAX_HOOK_SECRETS: Final = 4

#: Seconds for which what the database said of a key is good: one that is revoked is refused at the latest then.
KEY_FRESHNESS: Final = 1.0
#: Keys that one process remembers, and as many again that there are not.
MAX_KNOWN_KEYS: Final = 10_000
#: Keys that one statement looks up.
KEYS_PER_LOOK: Final = 1000
#: Pipelines that one key may be limited to.
MAX_PIPELINES_PER_KEY: Final = 1000
#: Rows of the audit that one look shows.
MAX_AUDIT_EVENTS: Final = 1000
#: Characters of a token.
MAX_TOKEN_CHARACTERS: Final = 8192
#: Seconds for which a token that was checked need not be checked again.
TOKEN_FRESHNESS: Final = 10.0
#: Tokens that one process remembers.
MAX_KNOWN_TOKENS: Final = 10_000
#: Bytes of a secret that tokens are signed with, at the least.
LEAST_TOKEN_SECRET: Final = 32
#: Seconds by which the clock of the issuer of tokens may differ from ours.
TOKEN_LEEWAY: Final = 10.0
#: Bytes of the keys of an issuer.
MAX_ISSUER_BYTES: Final = 256 * 1024
#: Seconds that fetching them may take.
ISSUER_TIMEOUT: Final = 5.0
#: Seconds between two tries to fetch them, however many tokens name a key that nobody knows.
ISSUER_PAUSE: Final = 10.0
#: Seconds after which they are fetched again.
ISSUER_FRESHNESS: Final = 300.0
#: Seconds for which they are good while the issuer is away.
ISSUER_PATIENCE: Final = 3600.0
