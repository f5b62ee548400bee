//! The table: every bound in the system, with its unit and its reason.
//!
//! A bound that is not here does not exist. Changing one that execution reads is a protocol
//! change (design D16).

/// Bytes of one signed transaction on the wire. A 1 MiB block holds at least eight of them.
pub const TRANSACTION_BYTES_MAX: usize = 136 * 1024;
/// Calls in one transaction: linked chains of `domain.md` §B2 need up to 64.
pub const CALLS_MAX: usize = 64;
/// Bytes of one call's arguments.
pub const ARGUMENT_BYTES_MAX: usize = 128 * 1024;
/// Bytes of one call's result.
pub const RESULT_BYTES_MAX: usize = 16 * 1024;
/// Nesting of a protobuf message. Deeper input is `MALFORMED`.
pub const MESSAGE_DEPTH_MAX: usize = 16;
/// Bytes of a room's or a method's name.
pub const NAME_BYTES_MAX: usize = 48;
/// How far ahead `valid_until` may lie, in milliseconds: ten minutes. Bounds the key window.
pub const VALIDITY_MS_MAX: u64 = 10 * 60 * 1000;

/// Events of one transaction, as many as a chain has steps; the mark that an agent acted comes on top.
pub const EVENTS_MAX: usize = 64;
/// Bytes of one event.
pub const EVENT_BYTES_MAX: usize = 1024;
/// Typed parameters of one refusal.
pub const PARAMS_MAX: usize = 8;
/// Bytes of a bytes or text parameter of a refusal.
pub const PARAM_BYTES_MAX: usize = 128;

/// Transactions in one block.
pub const BLOCK_TRANSACTIONS_MAX: usize = 4096;
/// Bytes of all bodies in one block.
pub const BLOCK_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Fuel of one block: about a quarter of a second of one core, half of what a proposer has in
/// round 0. It also bounds what contracts make a block write, emit and answer: some 20 MB.
pub const BLOCK_FUEL_MAX: u64 = 1_000_000_000;
/// Fuel of one transaction.
pub const TRANSACTION_FUEL_MAX: u64 = 200_000_000;
/// Fuel that every transaction uses: reading the sender, writing the receipt.
pub const TRANSACTION_FUEL_BASE: u64 = 20_000;
/// Fuel of one transfer: two rows, one business id, one event.
pub const TRANSFER_FUEL: u64 = 60_000;
/// Lots of one account (`domain.md` §B2).
pub const LOTS_MAX: usize = 64;
/// Steps of one chain of transfers.
pub const CHAIN_STEPS_MAX: usize = 64;
/// Fuel of one line of opening balances: the account's row, and one of an owner who is not admitted
/// yet. Nothing is claimed for it and no event tells of it.
pub const OPENING_LINE_FUEL: u64 = 45_000;
/// Lines of one chunk of opening balances: their fuel is that of half a transaction's.
pub const OPENING_LINES_MAX: usize = 2_048;
/// Chunks of one batch of opening balances: 30 million accounts.
pub const OPENING_CHUNKS_MAX: u32 = 16_384;
/// Assets of one batch of opening balances.
pub const OPENING_ASSETS_MAX: usize = 16;
/// How long after its proposal a batch of opening balances may be loaded, in milliseconds: 30 days.
pub const OPENING_MS_MAX: u64 = 30 * 24 * 3600 * 1000;
/// Fuel of one call of the room `identity`: three rows, one key's row, one event.
pub const IDENTITY_FUEL: u64 = 120_000;
/// Fuel of one call of the room `policy`: a version of up to ten thousand bytes.
pub const POLICY_FUEL: u64 = 2_000_000;
/// Fuel of one call of the room `governance`: a motion's row, its deed tried out.
pub const GOVERNANCE_FUEL: u64 = 3_000_000;
/// Fuel of setting a receipt key: one signature, three rows, one event.
pub const RECEIPT_KEY_FUEL: u64 = 400_000;
/// Fuel of a contract's question to a native room: a few rows read, one answer of 16 KiB.
pub const QUESTION_FUEL: u64 = 150_000;
/// Fuel of one query.
pub const QUERY_FUEL_MAX: u64 = 50_000_000;
/// Fuel that due timers may use in one block: a quarter.
pub const TIMER_FUEL_MAX: u64 = BLOCK_FUEL_MAX / 4;
/// Fuel of one timer.
pub const TIMER_FIRE_FUEL_MAX: u64 = 20_000_000;
/// Fuel that firing a timer uses, whatever it does: its row, its receipt.
pub const TIMER_FUEL_BASE: u64 = 50_000;
/// Timers that one transaction may set.
pub const SCHEDULES_MAX: usize = 16;
/// Bytes of a timer's payload.
pub const TIMER_PAYLOAD_BYTES_MAX: usize = 256;
/// How far ahead a timer may be set, in milliseconds: ten years.
pub const TIMER_AHEAD_MS_MAX: u64 = 10 * 366 * 24 * 3600 * 1000;

/// Least time between two blocks, in milliseconds (design D11).
pub const BLOCK_INTERVAL_MS_MIN: u64 = 20;
/// A block stands at least this often, in milliseconds, also when nothing happens (design D11).
pub const HEARTBEAT_MS: u64 = 30_000;
/// How far a fresh proposal's time may lie from a validator's clock in round 0, in milliseconds.
pub const CLOCK_SKEW_MS: u64 = 2_000;
/// The same in any round: the bound doubles per round up to here.
pub const CLOCK_SKEW_MS_MAX: u64 = 64_000;
/// From this round on a block is empty and defers timers (design D2).
pub const EMPTY_FROM_ROUND: u32 = 4;

/// Validators of one chain.
pub const VALIDATORS_MAX: usize = 64;
/// Fewest validators: three tolerate no fault (`domain.md`, headline 4).
pub const VALIDATORS_MIN: usize = 4;
/// Voting power of one validator.
pub const POWER_MAX: u64 = 1_000_000;
/// How far ahead other rules may begin, in heights: about a year of one block a second.
pub const PROTOCOL_AHEAD_HEIGHTS_MAX: u64 = 366 * 24 * 3600;
/// Heights for which a validator that was removed stays connected: it hears that it was.
pub const FAREWELL_HEIGHTS: u64 = 20;

/// Heights for which undo records are kept (design D4).
pub const UNDO_HEIGHTS: u64 = 20_000;

/// Bytes of a text for people: a label of an organisation or a centre (`domain.md` §B0).
pub const TEXT_BYTES_MAX: usize = 140;
/// Keys in a principal's row, revoked ones that may still come in included. Read with every
/// transaction of the principal.
pub const KEYS_MAX: usize = 8;
/// How far ahead a key may begin or end, in heights: about a year of one block a second.
pub const KEY_AHEAD_HEIGHTS_MAX: u64 = 366 * 24 * 3600;
/// Roles of one principal.
pub const ROLES_MAX: usize = 16;
/// Rooms and methods that one mandate names.
pub const MANDATE_SCOPE_MAX: usize = 16;
/// Duties recorded on one record: a chain of approvals with all its parties.
pub const RECORD_DUTIES_MAX: usize = 64;
/// Parameters of a policy, those of contracts included.
pub const POLICY_PARAMS_MAX: usize = 256;
/// Versions of the policy that wait for their time at once.
pub const POLICY_SCHEDULED_MAX: usize = 8;
/// How far ahead a version of the policy may begin, in milliseconds: 90 days. Versions begin in
/// the order they were made, so a distant one would hold up the next.
pub const POLICY_AHEAD_MS_MAX: u64 = 90 * 24 * 3600 * 1000;
/// Years of the calendar of working days.
pub const CALENDAR_YEARS_MAX: usize = 32;
/// The year after the last one that a calendar may name.
pub const CALENDAR_YEAR_END: u16 = 2200;
/// Working days that may be added at once: ten years.
pub const WORKING_DAYS_MAX: u32 = 3660;
/// Codes of the negative list; the list in force has 17.
pub const NEGATIVE_CODES_MAX: usize = 64;
/// Pairs of duties that need two principals.
pub const DUTY_PAIRS_MAX: usize = 64;
/// Parts that one table of weights has.
pub const WEIGHTS_MAX: usize = 16;
/// Seats of one chamber of the council (`domain.md` §B1).
pub const CHAMBER_SEATS_MAX: u32 = 200;
/// Chambers of the council, at most.
pub const CHAMBERS_MAX: usize = 8;

/// Bytes of a motion's text (`domain.md` §B1).
pub const MOTION_TEXT_BYTES_MAX: usize = 2048;
/// Bytes of what a motion does.
pub const MOTION_DEED_BYTES_MAX: usize = 16 * 1024;
/// Motions for which something is still to come, and motions of one answer.
pub const MOTIONS_MAX: u32 = 64;
/// Motions of one opener that are under way: eight of them could fill every place.
pub const MOTIONS_PER_OPENER_MAX: u32 = 8;
/// How long a motion waits for the district's word, in milliseconds: 30 days, as long as the longest
/// vote. Undo records for a rehearsal stand no longer.
pub const DECISION_MS_MAX: u64 = 30 * 86_400_000;
/// Seats that one motion gives and takes.
pub const SEAT_CHANGES_MAX: usize = 16;

/// Code bytes of one contract.
pub const CODE_BYTES_MAX: usize = 512 * 1024;
/// Fewest bytes of code that one call stages, unless they are the last: bounds the rows of a file.
pub const CODE_CHUNK_BYTES_MIN: usize = 16 * 1024;
/// Fuel of staging code, and of a report about a rehearsal: 128 KiB of entries, one signature.
pub const CODE_FUEL: u64 = 2_000_000;
/// Fuel of judging a contract's code: half a MiB validated, measured and rewritten.
pub const CODE_JUDGE_FUEL: u64 = 100_000_000;
/// Files of code that wait for a motion, of everyone and of one sender.
pub const STAGED_CODE_MAX: usize = 16;
/// The same of one sender.
pub const STAGED_CODE_SENDER_MAX: usize = 2;
/// How long staged code stands at least without a motion, in milliseconds: 30 days.
pub const STAGED_CODE_MS: u64 = 30 * 24 * 3600 * 1000;
/// Versions of one contract that an answer names.
pub const CODE_VERSIONS_LISTED_MAX: usize = 64;
/// Blocks that one rehearsal performs again.
pub const REHEARSAL_BLOCKS_MAX: u32 = 1_000;
/// Bytes of undo records, blocks and receipts that one rehearsal reads: bounds its memory.
pub const REHEARSAL_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Fuel of one rehearsal after which it looks no further: about a minute of one core.
pub const REHEARSAL_FUEL_MAX: u64 = 240 * BLOCK_FUEL_MAX;
/// Differences that a report lists.
pub const REHEARSAL_LISTED_MAX: usize = 32;
/// Undo records that one block drops once nothing keeps them any more.
pub const UNDO_DROPS_MAX: u64 = 64;
/// Linear memory of one contract instance, in bytes.
pub const MEMORY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Entries of a contract's table.
pub const TABLE_ENTRIES_MAX: u64 = 4096;
/// Functions of a contract.
pub const FUNCTIONS_MAX: u32 = 4096;
/// Locals of one function.
pub const LOCALS_MAX: u32 = 1024;
/// Calls from contract to contract, one inside the other.
pub const CALL_DEPTH_MAX: usize = 8;
/// Stack cost units inside one module, counted by instrumentation, never by the native stack.
pub const STACK_COST_MAX: u32 = 64 * 1024;
/// Bytes of a contract's storage key.
pub const STORAGE_KEY_BYTES_MAX: usize = 256;
/// Bytes of a contract's storage value.
pub const STORAGE_VALUE_BYTES_MAX: usize = 64 * 1024;
/// Host calls of one entry into a contract: a storm ends here even if fuel would last.
pub const HOST_CALLS_MAX: u64 = 1_000_000;

/// Transactions waiting in a node's pool.
pub const POOL_TRANSACTIONS_MAX: usize = 65_536;
/// Bytes waiting in a node's pool.
pub const POOL_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Share of the pool that one sender may fill, in percent.
pub const POOL_SENDER_PERCENT_MAX: usize = 10;
/// Share of the pool that one organisation may fill, in percent.
pub const POOL_ORGANISATION_PERCENT_MAX: usize = 60;

/// Transactions of local clients, and as many of members, that a node has under check at once:
/// about half a second of one core. Beyond it a client is told BUSY.
pub const CHECKING_TRANSACTIONS_MAX: usize = 16_384;
/// Bytes of those, for clients and for members each: eight of the largest messages.
pub const CHECKING_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of one network message.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Handshakes of strangers under way at once, and of those who come from one member's address.
pub const HANDSHAKES_MAX: usize = 64;
/// Handshakes under way from one stranger's address.
pub const HANDSHAKES_ADDRESS_MAX: usize = 8;
/// Bytes of one proposal part.
pub const PART_BYTES_MAX: usize = 64 * 1024;
/// Blocks in one catch-up answer.
pub const SYNC_BLOCKS_MAX: usize = 64;
/// Bytes of one catch-up answer.
pub const SYNC_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Bytes of one signed statement: every field at its longest, and half as much again.
pub const STATEMENT_BYTES_MAX: usize = 1024;
/// Bytes of what a statement is about: an order's pseudonym.
pub const STATEMENT_SUBJECT_BYTES_MAX: usize = 128;
/// Nodes on the way of a leaf, or between two logs: as many as a log of 2^64 leaves needs, twice.
pub const LOG_PATH_MAX: usize = 128;
/// Bytes of one COSE receipt: the longest way, and the rest.
pub const COSE_RECEIPT_BYTES_MAX: usize = 8 * 1024;
/// Leaves of one answer with COSE receipts: a whole batch.
pub const COSE_LEAVES_MAX: u32 = 1_024;
/// How long a node waits for other validators' receipt signatures, in milliseconds.
pub const COSE_WAIT_MS: u64 = 1_000;
/// Heights whose receipt signatures a node keeps: they can be made again at any time.
pub const COSE_HEIGHTS_MAX: usize = 1_024;
/// Words about receipts that may wait at a node.
pub const COSE_WORDS_MAX: usize = 256;
/// How long a registration over HTTP waits for its receipt before it says where that will be, in
/// milliseconds.
pub const SCRAPI_WAIT_MS: u64 = 2_000;
/// Registrations over HTTP that a node remembers until they stand: the pool holds more, and forgets
/// none of them.
pub const SCRAPI_RUNNING_MAX: usize = 1_024;
/// COSE receipts of one file.
pub const COSE_RECEIPTS_MAX: usize = VALIDATORS_MAX;
/// Bytes of a receipt's file.
pub const BARE_RECEIPT_BYTES_MAX: usize = COSE_RECEIPTS_MAX * COSE_RECEIPT_BYTES_MAX;
/// Window above a source's lowest open number in which numbers may arrive in any order.
pub const EVIDENCE_WINDOW: u64 = 4096;
/// Statements of one batch: each is a leaf of the log, a claim, and 64 to 80 bytes of arguments.
pub const EVIDENCE_BATCH_MAX: usize = 1024;
/// Records that one record may rest on (`domain.md` §B3).
pub const EVIDENCE_PARENTS_MAX: usize = 8;
/// Tags of one record's files (`domain.md` §B3).
pub const EVIDENCE_TAGS_MAX: usize = 8;
/// Characters of a geohash: five are some 5 km, which is no precise place.
pub const EVIDENCE_CELL_MAX: usize = 5;
/// Corroborations that a record lists; one makes the difference.
pub const EVIDENCE_CORROBORATIONS_MAX: usize = 8;
/// Holders of one payload who confirm that it is destroyed.
pub const EVIDENCE_HOLDERS_MAX: usize = 16;
/// Entries that one look up or down the evidence's graph reads: an answer may read 200.
pub const EVIDENCE_VISITS_MAX: usize = 180;
/// Days of one question about a source's figures, each an entry: half a year.
pub const EVIDENCE_DAYS_MAX: u32 = 186;
/// Records that one call may name.
pub const EVIDENCE_REFS_MAX: usize = 8;
/// How far a read header's time may lie from the node's clock, in milliseconds.
pub const READ_SKEW_MS: u64 = 60_000;
/// Entries of one query answer.
pub const QUERY_ENTRIES_MAX: usize = 200;
/// Queries of one reader that wait or are answered at once.
pub const READER_QUERIES_MAX: usize = 16;
/// Share of the reads served at once that one reader may hold, in percent.
pub const READER_REQUESTS_PERCENT_MAX: usize = 25;
/// Streams of blocks and events that one reader may hold, of 256 altogether.
pub const READER_STREAMS_MAX: usize = 32;
/// Streams of submissions served at once: each may hold one message.
pub const SUBMIT_STREAMS_MAX: usize = 256;
/// How long a stream of submissions may hand in nothing, in milliseconds.
pub const SUBMIT_IDLE_MS_MAX: u64 = 60_000;
/// How long the body of a request may take to arrive, in milliseconds.
pub const REQUEST_BODY_MS_MAX: u64 = 5_000;
/// How long a connection to the API may say nothing at first, in milliseconds.
pub const SILENCE_MS_MAX: u64 = 10_000;
/// Files that a node should be able to open: 512 clients, 512 of the store, and the rest.
pub const OPEN_FILES_MIN: u64 = 2048;
/// Connections for health and metrics held at once: a few supervisors and scrapers.
pub const HTTP_CONNECTIONS_MAX: usize = 64;
/// How long one of those may last, in milliseconds: two scrapes.
pub const HTTP_CONNECTION_MS_MAX: u64 = 30_000;
/// Bytes after which a chunk of a block or event stream ends: a reader that does not read costs
/// three chunks of memory.
pub const STREAM_CHUNK_BYTES: usize = 1024 * 1024;
/// Queries that wait for a look at the ledger: about a second of the dearest ones. Beyond it the
/// answer is BUSY.
pub const QUERIES_WAITING_MAX: usize = 64;
/// Bytes of a genesis file.
pub const GENESIS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of an offline pack without the file it proves.
pub const PACK_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of the files inside a pack; larger ones are given beside it. A browser holds it in memory.
pub const PACK_FILES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of a platform statement: its certificates and the owners of 64 nodes.
pub const PLATFORM_BYTES_MAX: usize = 64 * 1024;
/// Free bytes on disk below which a node refuses submissions and keeps voting.
pub const DISK_RESERVE_BYTES: u64 = 512 * 1024 * 1024;

/// How long the TLS handshake of a connection to the API may take, in milliseconds.
pub const TLS_HANDSHAKE_MS_MAX: u64 = 10_000;
/// How often the files of the TLS certificate are looked at, in milliseconds.
pub const TLS_WATCH_MS: u64 = 2_000;
/// Bytes of a file with TLS certificates or a TLS key.
pub const TLS_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Share of the submissions, and of the streams of submissions, that one address may hold at once,
/// in percent: a submission names nobody before its signature is checked.
pub const ADDRESS_REQUESTS_PERCENT_MAX: usize = 50;
/// Rows of one table of token buckets, for each of its two generations: some 8 MB.
pub const BUCKETS_MAX: usize = 65_536;
/// Reads that one key may make, per second and saved up.
pub const READS_PER_KEY: (u64, u64) = (5_000, 10_000);
/// Reads of one organisation, per second and saved up.
pub const READS_PER_ORGANISATION: (u64, u64) = (20_000, 40_000);
/// Transactions that one key may hand in, per second and saved up: the load of ten residents'
/// districts in their busiest minute.
pub const SUBMISSIONS_PER_KEY: (u64, u64) = (5_000, 20_000);
/// Transactions of one organisation, per second and saved up: more than a chain commits.
pub const SUBMISSIONS_PER_ORGANISATION: (u64, u64) = (20_000, 80_000);
/// Transactions without a proved sender that one address may hand in, per second and saved up.
pub const UNPROVED_PER_ADDRESS: (u64, u64) = (100, 2_000);
/// Bytes of one entry of the access log.
pub const ACCESS_ENTRY_BYTES_MAX: usize = 512;
/// Bytes of one file of the access log; the next begins within a second of reaching it.
pub const ACCESS_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Links of one answer about the access log.
pub const ACCESS_PAGE_LINKS_MAX: usize = 8_192;
/// Readings of the access log answered at once, and one of them per key: each reads a file.
pub const ACCESS_READS_MAX: usize = 4;
/// Time between two syncs of the access log, in milliseconds: so much of it a power cut may take.
pub const ACCESS_SYNC_MS: u64 = 1_000;
/// Time between two anchorings of the access log's head unless told otherwise, in milliseconds.
pub const ACCESS_ANCHOR_MS: u64 = 3_600_000;

/// Bytes of the id that an SM2 signature names its signer by.
pub const SM2_SIGNER_ID_BYTES_MAX: usize = 64;
/// SM2 keys of one organisation, those that ended included: one a year for a generation.
pub const SM2_KEYS_MAX: usize = 32;
/// Bytes of a signed note: a checkpoint of a few hundred bytes and all its signatures.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;
/// Signature lines of a note: every validator of the largest set, and as many witnesses.
pub const NOTE_SIGNATURES_MAX: usize = 128;
/// Bytes of a name in a note.
pub const NOTE_NAME_BYTES_MAX: usize = 128;
/// Bytes of a time-stamp token or answer: with a chain of certificates some 8 KB.
pub const TOKEN_BYTES_MAX: usize = 32 * 1024;
/// Tokens that a node keeps: one every ten minutes for more than a year, 400 MB at most.
pub const STAMPS_MAX: usize = 65_536;
/// How far an authority's time may lie before the block's that it stamps, in milliseconds: what the
/// clocks of two careful machines may differ by, and more.
pub const STAMP_SKEW_MS: u64 = 300_000;
/// Witnesses that a node hears.
pub const WITNESSES_MAX: usize = 64;

const _: () = assert!(TRANSACTION_BYTES_MAX * 8 <= BLOCK_BYTES_MAX);
const _: () = assert!(ARGUMENT_BYTES_MAX < TRANSACTION_BYTES_MAX);
const _: () = assert!(BLOCK_BYTES_MAX < MESSAGE_BYTES_MAX);
// A batch with statement, manifest and tag of each fits into one call.
const _: () = assert!(EVIDENCE_VISITS_MAX < QUERY_ENTRIES_MAX);
const _: () = assert!((EVIDENCE_DAYS_MAX as usize) < QUERY_ENTRIES_MAX);
const _: () = assert!(EVIDENCE_BATCH_MAX * (32 + 32 + 16) + 1024 <= ARGUMENT_BYTES_MAX);
const _: () = assert!(TRANSACTION_FUEL_MAX < BLOCK_FUEL_MAX - TIMER_FUEL_MAX);
const _: () = assert!(OPENING_LINES_MAX as u64 * OPENING_LINE_FUEL <= TRANSACTION_FUEL_MAX / 2);
const _: () = assert!(BLOCK_TRANSACTIONS_MAX <= CHECKING_TRANSACTIONS_MAX);
const _: () = assert!(MESSAGE_BYTES_MAX <= CHECKING_BYTES_MAX);
// One batch of a key that was idle is never refused for its rate.
const _: () = assert!(BLOCK_TRANSACTIONS_MAX as u64 <= SUBMISSIONS_PER_KEY.1);
