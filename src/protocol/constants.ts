/**
 * Numbers that both ends must agree on. Everything here is part of the wire protocol (docs/PROTOCOL.md, sections 1 to 3);
 * what one end may choose alone is an option and lives in `src/config`.
 */

/** First byte of every control frame. Below the ranges of RFC 7983 for STUN..RTP, so that one port can carry all of them. */
export const CONTROL_FIRST_BYTE = 0x0c;

/** First byte of RTP and RTCP, inclusive range (RFC 7983, section 7). */
export const MEDIA_FIRST_BYTE_MIN = 128;
/** See {@link MEDIA_FIRST_BYTE_MIN}. */
export const MEDIA_FIRST_BYTE_MAX = 191;

/** Version byte of the control frame. */
export const PROTOCOL_VERSION = 1;

/** Bytes before the body of a control frame. */
export const HEADER_BYTES = 24;
/** Trailer of a clear frame: CRC-32. */
export const CRC_TRAILER_BYTES = 4;
/** Trailer of a secured frame: MAC1, or the tag of a sealed one. */
export const SECURED_TRAILER_BYTES = 16;
/** Before the TLVs of a sealed frame: its counter. */
export const SEALED_COUNTER_BYTES = 8;
/** Type and length before each TLV's value. */
export const TLV_HEADER_BYTES = 4;
/** Bit 15 of a TLV's type: who does not know the type must not use the frame. */
export const TLV_CRITICAL_BIT = 0x8000;
/** Most TLVs in one frame. */
export const TLVS_MAX = 32;
/** Largest control frame in bytes, and the first RTP datagram size. */
export const CONTROL_BYTES_MAX = 1200;
/** Smallest clear control frame: header and trailer. */
export const CONTROL_BYTES_MIN = HEADER_BYTES + CRC_TRAILER_BYTES;

/** Every START has exactly this many bytes, so that no answer is larger than its cause. */
export const START_BYTES = 256;
/** START_CONFIRM, PING, PATH_CHALLENGE and BYE have at least this many bytes. */
export const PADDED_BYTES_MIN = 72;

/** Last value of the attempt counter; no START is sent after it within one StreamId. */
export const ATTEMPTS_MAX = 255;
/** A fresh RETRY is followed at most this often in one handshake. */
export const RETRIES_MAX = 8;
/** An initiator starts anew after a responder's restart at most this often in one handshake. */
export const RESTARTS_MAX = 3;
/** Candidates beside a live session on one tuple. */
export const CANDIDATES_PER_TUPLE_MAX = 4;
/** READY answers to START_CONFIRM per second and session. */
export const READY_PER_SECOND_MAX = 50;
/** Media datagrams kept in AwaitingStartAck when fast mode was asked for. */
export const EARLY_MEDIA_DATAGRAMS_MAX = 64;
/** A token of fast mode is good for so long, in ms. */
export const TOKEN_MS = 3_600_000;
/** Tokens of one endpoint that may be shown; giving one more voids the oldest. A multiple of 8. */
export const TOKENS_MAX = 65_536;
/** TOKEN is sent so often, each time beside a PING. */
export const TOKEN_SENDS = 3;
/** Media before the confirm leaves for so long after START_ACK, in ms. */
export const FAST_MS = 500;
/** Most media before the confirm, in bytes. */
export const FAST_BYTES_MAX = 65_536;
/** Media before the confirm without regard to what came, in bytes. */
export const FAST_BYTES_BASE = 32_768;
/** And for each byte of the candidate's STARTs so many. */
export const FAST_BYTES_PER_RECEIVED = 10;
/** PING nonces that a PONG may still answer. */
export const NONCES_KEPT = 8;

/** Tombstones of one endpoint; the oldest goes first. */
export const TOMBSTONES_MAX = 4096;
/** How long a tombstone is kept at most, and exactly how long after Streaming, in ms. */
export const TOMBSTONE_MS = 5000;
/** Least retry-after sent with a refusal, in ms. */
export const RETRY_AFTER_MIN_MS = 1000;

/** A responder's application answers a reservation within this time, in ms. */
export const RESERVE_MS = 1000;
/** A responder keeps a START_ACK's record this long after the newest START without a confirm, in ms. */
export const PENDING_MS = 10_000;
/** The same under load, in ms. */
export const PENDING_UNDER_LOAD_MS = 3000;

/** A cookie is good for so long, in s. */
export const COOKIE_AGE_MAX_S = 15;
/** A key of cookies is used for so long, in s. */
export const COOKIE_KEY_S = 60;
/** Load mode ends when no sign of load has been above half its threshold for so long, in ms. */
export const LOAD_CALM_MS = 5000;

/** BYE is sent at most this often. */
export const BYE_SENDS_MAX = 5;
/** First wait for BYE_ACK, in ms; max with 1.5 RTT, doubling. */
export const BYE_REPEAT_MS = 200;
/** Closing ends this long after the first BYE, in ms. */
export const CLOSE_MS = 6200;
/** Draining lasts this long, in ms. */
export const DRAIN_MS = 3500;

/** PINGs at these times after the confirm find the path's datagram size and RTT early, in ms. */
export const PROBE_INTERVAL_MS = 100;
/** Number of those PINGs. */
export const PROBES = 3;

/** A new path is asked at most this often: then it has failed. */
export const PATH_ASKS_MAX = 12;
/** The old path is asked this often before it counts as gone. */
export const PATH_OLD_ASKS = 3;
/** After one path was judged, another one is looked at no earlier than this, in ms. */
export const PATH_PAUSE_MS = 1000;

/** Sizes of an RTP datagram that a responder steps through, in bytes. */
export const DATAGRAM_BYTES_STEPS = [1200, 600, 296] as const;

/** First wait before a message of an exchange is sent again, in ms; then T1's factor, cap and jitter. */
export const EXCHANGE_REPEAT_MS = 50;
/** Exchanges of one session that one side has open at most. */
export const EXCHANGES_OPEN_MAX = 16;
/** Largest message of an exchange, in bytes. */
export const EXCHANGE_MESSAGE_BYTES_MAX = 16_384;
/** A round of an exchange, and the decision after it, take at most so long, in ms; an ended id is remembered so long. */
export const EXCHANGE_MS = 30_000;
/** Ended ids of one session that one side remembers at most; the oldest goes first. */
export const EXCHANGES_REMEMBERED_MAX = 4096;
/** Parts of a message, in bytes: the next smaller ones after so many sends without progress as EXCHANGE_SENDS_PER_STEP says. */
export const EXCHANGE_PART_BYTES_STEPS = [1024, 448, 144] as const;
/** See {@link EXCHANGE_PART_BYTES_STEPS}. */
export const EXCHANGE_SENDS_PER_STEP = 4;
/** Parts of one message that are on their way at once. */
export const EXCHANGE_BURST_PARTS = 4;
/** Largest body of a NOTIFY, in bytes: it goes in one datagram. */
export const NOTIFY_BYTES_MAX = 1024;
/** Ids of NOTIFY that are remembered, so that a copy is not told twice. */
export const NOTIFIES_REMEMBERED_MAX = 256;

/** A sender takes the next secret of its direction after so many packets under one. */
export const REKEY_PACKETS = 2 ** 22;
/** The same after so long, in ms. */
export const REKEY_MS = 120_000;
/** A receiver takes no more packets than this under one secret; then KEY_LIMIT. */
export const KEY_PACKETS_MAX = 2 ** 23;
/** The same after so long, in ms. */
export const KEY_MS_MAX = 180_000;
/** A receiver keeps the secret before the newest so long, in ms, for packets that were overtaken. */
export const OLD_KEY_MS = 3000;
/** How many epochs an MKI may be ahead: a sender that hardly sends passes as many while all it sends is lost. */
export const EPOCHS_AHEAD_MAX = 3;
/** Counters that the replay window of control frames remembers. */
export const CONTROL_REPLAY_WINDOW = 64;
/** Packets of media whose repetition is noticed; older ones are refused. */
export const MEDIA_REPLAY_WINDOW = 4096;
