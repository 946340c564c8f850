/** What can happen in a state, as one number: `group * 2^16 + subject * 2^8 + detail`. */
export const Group = {
  /** Detail: class of event of the initiator. */
  INITIATOR: 0,
  /** Subject: session. Detail: class of event of the responder. */
  RESPONDER: 1,
  /** Subject: word. Detail: bit, {@link KEEPS_COPY}, {@link ALTERNATIVE}, {@link STALE_COOKIE}. */
  DELIVER: 2,
  /** Subject: word. Detail: bit. */
  LOSE: 3,
  /** Subject: 1 START, 2 a frame to the responder, 3 one to the initiator, 4 an ERROR to the initiator. Detail: the StreamId, or the frame. */
  FORGE: 4,
  /** Detail: 1 if the reset key is kept. */
  RESTART_RESPONDER: 5,
  RESTART_INITIATOR: 6,
  /** Subject: StreamId. */
  TOMBSTONE_EXPIRES: 7,
  /** All sessions at once. */
  RESPONDER_SOCKET_FAILS: 8,
} as const;

/** In a delivery: a further copy stays on the way. */
export const KEEPS_COPY = 0x20;
/** In a delivery: of two ways in which a frame can be judged, the second. */
export const ALTERNATIVE = 0x40;

/** In a delivery of a START with a cookie: the cookie is no longer good, so it counts as none. */
export const STALE_COOKIE = 0x80;

/** An action's number. */
export function actionOf(group: number, subject: number, detail: number): number {
  return (group << 16) | (subject << 8) | detail;
}

/** An action's parts. */
export function partsOf(action: number): { readonly group: number; readonly subject: number; readonly detail: number } {
  return { group: action >> 16, subject: (action >> 8) & 0xff, detail: action & 0xff };
}
