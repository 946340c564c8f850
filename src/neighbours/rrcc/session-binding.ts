/**
 * How RRCC goes over a firstframe session: one Envelope in one NOTIFY of this method. A session is then a `Transport` that is not
 * `reliable` and takes messages of this size; RRCC's own retransmission does the rest.
 */
export const RRCC_SESSION_METHOD = 'rrcc';

/** Largest Envelope in a NOTIFY, in bytes. */
export const RRCC_SESSION_BYTES_MAX = 1000;
