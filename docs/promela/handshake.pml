/*
 * The START handshake in Promela: a second opinion on src/sim/explore, by another checker and another hand. The rows of both
 * machines are generated (rows.pml); the rest is written here. One initiator, one session of the responder at a time, a channel
 * each way that loses, repeats and holds one datagram, one close at any time, one restart of the responder. Timers may fire
 * whenever they are armed. How far that reaches is bounded by the figures below: TAGS - 1 sessions, SENDS copies.
 *
 *     spin -a handshake.pml && gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m200000
 */
#define SENDS 2
#define BYES 1
#define RESTARTS 1
#define PROBES 1
#define TAGS 3

mtype = { START, START_ACK, START_CONFIRM, ERROR_WAIT, ERROR_FINAL, READY, PING, PONG, BYE, BYE_ACK, RESET, RESET_WRONG, MEDIA };

/* Frame, StreamId, SessionTag. */
chan to_i = [1] of { mtype, byte, byte };
chan to_r = [1] of { mtype, byte, byte };

byte i_state, i_sends, i_restarts, i_byes, i_stream, i_tag, new_tag;
bit i_t1, i_deadline, i_watchdog, i_dead, i_close, i_drain;

byte r_state, r_probes, r_byes, r_stream, r_tag, r_streamed, last_tag, r_key, r_restarts;
bit r_reserve, r_pending, r_heartbeat, r_consent, r_dead, r_close, r_deadline, r_drain, r_gate, r_lapsed;
byte stone;            /* StreamId of a session that is over */
byte stone_answer;     /* 0 silence, 1 ERROR of the moment, 2 final ERROR */
byte key_of[TAGS];     /* reset key that a tag's token was made with */
bit confirmed[TAGS];   /* the initiator sent START_CONFIRM with the tag */
bit streamed[TAGS];    /* the responder was in Streaming with the tag */

/* The event that is being handled, and what the session around the machine found out about it. */
byte ev, streams, closes;
bit ev_yes, ev_worth_waiting, ev_transient;

inline put(channel, frame, stream, tag) {
  if
  :: nfull(channel) -> channel!frame, stream, tag
  :: full(channel) -> skip
  fi
}

/* What conditions mean: docs/PROTOCOL.md, section 4.3. */
#define I_startsLeft (i_sends < SENDS)
#define I_confirmsLeft (i_sends < SENDS)
#define I_byesLeft (i_byes < BYES)
#define I_freshRetry false
#define I_worthWaiting ev_worth_waiting
#define I_errorWithOurTag ev_yes
#define I_sameTag ev_yes
#define I_otherTag (!ev_yes && i_restarts < RESTARTS)
#define I_resetWithRestartLeft (ev_yes && i_restarts < RESTARTS)
#define I_tokenValid ev_yes
#define I_nonceKnown ev_yes
#define I_fastAsked false
#define I_fastGranted false
#define I_nothingSent false
#define R_admitted true
#define R_readyAllowed true
#define R_fastGranted false
#define R_consentHolds (!r_lapsed)
#define R_probing (r_probes < PROBES)
#define R_nonceKnown ev_yes
#define R_nonceKnownWhileProbing (ev_yes && r_probes < PROBES)
#define R_byesLeft (r_byes < BYES)
#define R_tokenValid ev_yes

/* What actions do: section 4.4. Error codes, RTT and the lengths of timers are left out. */
#define I_countFirstStart i_sends = 1
#define I_countStart i_sends++
#define I_countRetry skip
#define I_countRestart i_sends = 1; i_restarts++; assert(i_restarts <= RESTARTS) /* S5 */
#define I_noteGrant i_sends = 1
#define I_countConfirm i_sends++
#define I_countBye i_byes++; assert(i_byes <= BYES) /* S5 */
#define I_noteCode skip
#define I_noteCancelled skip
#define I_noteHandshakeTimeout skip
#define I_noteConfirmTimeout skip
#define I_noteCloseTimeout skip
#define I_noteLocalNetwork skip
#define I_notePeerDead skip
#define I_notePeerReset skip
#define I_drawStreamId streams++; i_stream = streams; i_tag = 0
#define I_keepCookie skip
#define I_adoptSession i_tag = new_tag
#define I_sendStart put(to_r, START, i_stream, 0)
#define I_sendStartConfirm confirmed[i_tag] = 1; put(to_r, START_CONFIRM, i_stream, i_tag)
#define I_sendPing put(to_r, PING, i_stream, i_tag)
#define I_sendPong put(to_r, PONG, i_stream, i_tag)
#define I_sendPathResponse skip
#define I_sendBye put(to_r, BYE, i_stream, i_tag)
#define I_sendByeAck put(to_r, BYE_ACK, i_stream, i_tag)
#define I_sampleRtt skip
#define I_delayT1 skip
#define I_keepEarlyMedia skip
#define I_deliverMedia skip
#define I_deliverExchange skip
#define I_deliverSdp skip
#define I_reportStreaming assert(streamed[i_tag]) /* S3 */
#define I_reportPeerBye skip
#define I_stopMedia skip
#define I_armT1 i_t1 = 1
#define I_disarmT1 i_t1 = 0
#define I_armDeadline i_deadline = 1
#define I_disarmDeadline i_deadline = 0
#define I_armLiveness i_watchdog = 1; i_dead = 1
#define I_armWatchdogRepeat i_watchdog = 1
#define I_armClosing i_none(); i_deadline = 1; i_close = 1
#define I_armClose i_close = 1
#define I_armDrain i_none(); i_drain = 1
#define I_release i_none(); i_stream = 0; i_tag = 0

#define R_noteGrant skip
#define R_countProbe r_probes++; assert(r_probes <= PROBES) /* S5 */
#define R_countBye r_byes++; assert(r_byes <= BYES) /* S5 */
#define R_noteCode skip
#define R_noteBusy ev_transient = 1
#define R_noteShutdown skip
#define R_noteAuthFailed skip
#define R_noteConfirmTimeout skip
#define R_noteConsentExpired skip
#define R_noteSuperseded skip
#define R_notePeerDead skip
#define R_noteCloseTimeout skip
#define R_noteLocalNetwork skip
#define R_askReservation skip
#define R_joinReservation skip
#define R_drawSession r_reserve = 0; last_tag++; r_tag = last_tag; key_of[r_tag] = r_key
#define R_sendStartAck put(to_i, START_ACK, r_stream, r_tag)
#define R_sendError refuse(r_stream)
#define R_leaveTombstone stone = r_stream; stone_answer = (ev_transient -> 1 : 2)
#define R_supersede skip
#define R_openGate r_pending = 0; r_gate = 1; assert(confirmed[r_tag]) /* S1 */
#define R_sendReady put(to_i, READY, r_stream, r_tag)
#define R_sendMedia assert(r_gate && !r_lapsed && r_state == R_Streaming && streamed[r_tag]); put(to_i, MEDIA, r_stream, r_tag) /* S1, S9 */
#define R_stopMedia r_gate = 0
#define R_deliverExchange skip
#define R_sendPing put(to_i, PING, r_stream, r_tag)
#define R_sendPong put(to_i, PONG, r_stream, r_tag)
#define R_sendBye put(to_i, BYE, r_stream, r_tag)
#define R_sendByeAck put(to_i, BYE_ACK, r_stream, r_tag)
#define R_sampleRtt skip
#define R_refreshConsent r_lapsed = 0; r_consent = 1
#define R_reportStreaming r_streamed = 1; streamed[r_tag] = 1
#define R_reportPeerBye skip
#define R_armReserve r_reserve = 1
#define R_armPending r_pending = 1
#define R_armProbe r_heartbeat = 1
#define R_armHeartbeat r_heartbeat = 1
#define R_armHeartbeatRepeat r_heartbeat = 1
#define R_armDead r_dead = 1
#define R_armClosing r_none(); r_deadline = 1; r_close = 1
#define R_armClose r_close = 1
#define R_armDrain r_none(); r_drain = 1
#define R_release over()

#include "rows.pml"

inline i_none() { i_t1 = 0; i_deadline = 0; i_watchdog = 0; i_dead = 0; i_close = 0; i_drain = 0 }
inline r_none() {
  r_reserve = 0; r_pending = 0; r_heartbeat = 0; r_consent = 0; r_dead = 0; r_close = 0; r_deadline = 0; r_drain = 0
}

inline refuse(stream) {
  if
  :: ev_transient -> put(to_i, ERROR_WAIT, stream, 0)
  :: else -> put(to_i, ERROR_FINAL, stream, 0)
  fi
}

/* The session is forgotten: the next START finds an idle machine. */
inline over() {
  if
  :: r_streamed -> stone = r_stream; stone_answer = 0
  :: else -> skip
  fi;
  forget()
}
inline forget() {
  r_none(); r_state = R_Idle; r_stream = 0; r_tag = 0; r_streamed = 0; r_probes = 0; r_byes = 0; r_gate = 0; r_lapsed = 0
}

/* Section 3.2: which event a frame is for the initiator; 0 for a frame that is dropped. */
inline judge_i(frame, stream, tag) {
  ev_yes = 0;
  ev_worth_waiting = 0;
  if
  :: stream != i_stream -> skip
  :: stream == i_stream && frame == START_ACK -> ev = ev_frame_START_ACK; ev_yes = (tag == i_tag); new_tag = tag
  :: stream == i_stream && frame != START_ACK && tag == i_tag ->
    if
    :: frame == ERROR_WAIT -> ev = ev_frame_ERROR; ev_worth_waiting = 1
    :: frame == ERROR_WAIT || frame == ERROR_FINAL -> ev = ev_frame_ERROR
    :: frame == READY -> ev = ev_frame_READY
    :: frame == PING -> ev = ev_frame_PING
    :: frame == PONG -> ev = ev_frame_PONG; ev_yes = 1
    :: frame == BYE -> ev = ev_frame_BYE
    :: frame == BYE_ACK -> ev = ev_frame_BYE_ACK
    :: frame == RESET -> ev = ev_frame_RESET; ev_yes = 1
    :: frame == RESET_WRONG -> ev = ev_frame_RESET
    :: frame == MEDIA -> ev = ev_frame_media
    fi
  :: else -> skip
  fi
}

/* Sections 3.3 and 6: the same for the responder, which answers some frames without its machine. */
inline judge_r(frame, stream, tag) {
  ev_yes = 0;
  ev_transient = 0;
  if
  :: frame == START && r_state != R_Idle && stream == r_stream -> ev = ev_frame_START
  :: frame == START && r_state != R_Idle && stream != r_stream -> skip
  :: frame == START && r_state == R_Idle && stream == stone ->
    if
    :: stone_answer == 0 -> skip
    :: else -> ev_transient = (stone_answer == 1); refuse(stream)
    fi
  :: frame == START && r_state == R_Idle && stream != stone && last_tag + 1 < TAGS ->
    r_stream = stream;
    ev = ev_admission_admitted
  :: frame == START && r_state == R_Idle && stream != stone && last_tag + 1 == TAGS -> skip
  :: frame != START && tag == r_tag && stream == r_stream ->
    if
    :: frame == START_CONFIRM -> ev = ev_frame_START_CONFIRM
    :: frame == PING -> ev = ev_frame_PING
    :: frame == PONG -> ev = ev_frame_PONG; ev_yes = 1
    :: frame == BYE -> ev = ev_frame_BYE
    :: frame == BYE_ACK -> ev = ev_frame_BYE_ACK
    fi
  :: frame != START && !(tag == r_tag && stream == r_stream) ->
    if
    :: (frame == START_CONFIRM || frame == PING || frame == BYE) && key_of[tag] == r_key -> put(to_i, RESET, stream, tag)
    :: (frame == START_CONFIRM || frame == PING || frame == BYE) && key_of[tag] != r_key -> put(to_i, RESET_WRONG, stream, tag)
    :: else -> skip
    fi
  fi
}

active proctype initiator() {
  mtype frame;
  byte stream, tag;
end:
  do
  :: atomic {
    if
    :: to_i?frame, stream, tag -> judge_i(frame, stream, tag)
    :: to_i?<frame, stream, tag> -> judge_i(frame, stream, tag)
    :: to_i?_, _, _ -> skip
    :: i_state == I_ReadyToStart -> ev = ev_app_start
    :: i_t1 -> i_t1 = 0; ev = ev_timer_T1
    :: i_deadline -> i_deadline = 0; ev = ev_timer_deadline
    :: i_watchdog -> i_watchdog = 0; ev = ev_timer_watchdog
    :: i_dead -> i_dead = 0; ev = ev_timer_dead
    :: i_close -> i_close = 0; ev = ev_timer_close
    :: i_drain -> i_drain = 0; ev = ev_timer_drain
    :: i_state != I_Closed && i_state != I_Closing && closes < 1 -> closes++; ev = ev_app_close
    fi;
    initiator_rows();
    assert(!(i_state == I_Streaming && r_state == R_Streaming) || i_tag == r_tag); /* S4 */
    ev = 0
  }
  :: timeout -> assert(i_state == I_Closed && r_state == R_Idle); break /* L4: nothing is stuck before both are closed */
  od
}

active proctype responder() {
  mtype frame;
  byte stream, tag;
end:
  do
  :: atomic {
    if
    :: to_r?frame, stream, tag -> judge_r(frame, stream, tag)
    :: to_r?<frame, stream, tag> -> judge_r(frame, stream, tag)
    :: to_r?_, _, _ -> skip
    :: r_state == R_PendingStartRequest -> ev = ev_app_reserved
    :: r_state == R_PendingStartRequest && closes < 1 -> closes++; ev = ev_app_refused
    :: r_state == R_Streaming -> ev = ev_app_mediaDue
    :: r_consent && !r_lapsed -> r_lapsed = 1
    :: r_reserve -> r_reserve = 0; ev_transient = 0; ev = ev_timer_reserve
    :: r_pending -> r_pending = 0; ev = ev_timer_pending
    :: r_heartbeat -> r_heartbeat = 0; ev = ev_timer_heartbeat
    :: r_consent -> r_consent = 0; ev = ev_timer_consent
    :: r_dead -> r_dead = 0; ev = ev_timer_dead
    :: r_close -> r_close = 0; ev = ev_timer_close
    :: r_deadline -> r_deadline = 0; ev = ev_timer_deadline
    :: r_drain -> r_drain = 0; ev = ev_timer_drain
    :: r_state != R_Idle && closes < 1 -> closes++; ev = ev_app_close
    :: stone != 0 -> stone = 0
    :: r_restarts < 1 -> r_restarts++; stone = 0; forget()
    :: r_restarts < 1 -> r_restarts++; stone = 0; r_key++; forget()
    fi;
    responder_rows();
    assert(!(i_state == I_Streaming && r_state == R_Streaming) || i_tag == r_tag); /* S4 */
    ev = 0
  }
  od
}
