/* Generated from machines/*.ts; npx vitest run test/sim/explore/promela -u writes it anew. */
#define ev_admission_admitted 1
#define ev_app_close 2
#define ev_app_mediaDue 3
#define ev_app_refused 4
#define ev_app_reserved 5
#define ev_app_socketFailed 6
#define ev_app_start 7
#define ev_app_superseded 8
#define ev_frame_BYE 9
#define ev_frame_BYE_ACK 10
#define ev_frame_ERROR 11
#define ev_frame_PATH_CHALLENGE 12
#define ev_frame_PATH_RESPONSE 13
#define ev_frame_PING 14
#define ev_frame_PONG 15
#define ev_frame_READY 16
#define ev_frame_RESET 17
#define ev_frame_RETRY 18
#define ev_frame_START 19
#define ev_frame_START_ACK 20
#define ev_frame_START_CONFIRM 21
#define ev_frame_TOKEN 22
#define ev_frame_exchange 23
#define ev_frame_media 24
#define ev_timer_T1 25
#define ev_timer_close 26
#define ev_timer_consent 27
#define ev_timer_dead 28
#define ev_timer_deadline 29
#define ev_timer_drain 30
#define ev_timer_heartbeat 31
#define ev_timer_pending 32
#define ev_timer_reserve 33
#define ev_timer_watchdog 34
#define I_ReadyToStart 0
#define I_AwaitingStartAck 1
#define I_AwaitingStartConfirm 2
#define I_Streaming 3
#define I_Closing 4
#define I_Draining 5
#define I_Closed 6
#define R_Idle 0
#define R_PendingStartRequest 1
#define R_PendingConfirm 2
#define R_Streaming 3
#define R_Closing 4
#define R_Draining 5
#define R_Closed 6

inline initiator_rows() {
  if
  :: i_state == I_ReadyToStart && ev == ev_app_start -> i_state = I_AwaitingStartAck; I_drawStreamId; I_countFirstStart; I_sendStart; I_armT1; I_armDeadline
  :: i_state == I_ReadyToStart && ev == ev_app_close -> i_state = I_Closed; I_noteCancelled; I_release
  :: i_state == I_ReadyToStart && ev == ev_app_socketFailed -> i_state = I_Closed; I_noteLocalNetwork; I_release
  :: i_state == I_AwaitingStartAck && ev == ev_timer_T1 && I_startsLeft -> i_state = I_AwaitingStartAck; I_countStart; I_sendStart; I_armT1
  :: i_state == I_AwaitingStartAck && ev == ev_frame_RETRY && I_freshRetry -> i_state = I_AwaitingStartAck; I_keepCookie; I_countRetry; I_sendStart; I_armT1
  :: i_state == I_AwaitingStartAck && ev == ev_frame_START_ACK -> i_state = I_AwaitingStartConfirm; I_adoptSession; I_sampleRtt; I_noteGrant; I_sendStartConfirm; I_armT1
  :: i_state == I_AwaitingStartAck && ev == ev_frame_ERROR && I_worthWaiting -> i_state = I_AwaitingStartAck; I_delayT1
  :: i_state == I_AwaitingStartAck && ev == ev_frame_ERROR && !I_worthWaiting -> i_state = I_Closed; I_noteCode; I_release
  :: i_state == I_AwaitingStartAck && ev == ev_frame_media && I_fastAsked -> i_state = I_AwaitingStartAck; I_keepEarlyMedia
  :: i_state == I_AwaitingStartAck && ev == ev_app_close -> i_state = I_Closed; I_noteCancelled; I_release
  :: i_state == I_AwaitingStartAck && ev == ev_timer_deadline && I_nothingSent -> i_state = I_Closed; I_noteLocalNetwork; I_release
  :: i_state == I_AwaitingStartAck && ev == ev_timer_deadline && !I_nothingSent -> i_state = I_Closed; I_noteHandshakeTimeout; I_release
  :: i_state == I_AwaitingStartAck && ev == ev_app_socketFailed -> i_state = I_Closed; I_noteLocalNetwork; I_release
  :: i_state == I_AwaitingStartConfirm && ev == ev_frame_READY -> i_state = I_Streaming; I_deliverSdp; I_disarmT1; I_disarmDeadline; I_reportStreaming; I_armLiveness
  :: i_state == I_AwaitingStartConfirm && ev == ev_frame_PING -> i_state = I_Streaming; I_sendPong; I_reportStreaming; I_armLiveness
  :: i_state == I_AwaitingStartConfirm && ev == ev_frame_media && I_fastGranted -> i_state = I_AwaitingStartConfirm; I_deliverMedia
  :: i_state == I_AwaitingStartConfirm && ev == ev_frame_media && !I_fastGranted -> i_state = I_Streaming; I_reportStreaming; I_deliverMedia; I_armLiveness
  :: i_state == I_AwaitingStartConfirm && ev == ev_timer_T1 && I_confirmsLeft -> i_state = I_AwaitingStartConfirm; I_countConfirm; I_sendStartConfirm; I_armT1
  :: i_state == I_AwaitingStartConfirm && ev == ev_frame_START_ACK && I_otherTag -> i_state = I_AwaitingStartAck; I_drawStreamId; I_countRestart; I_sendStart; I_armT1
  :: i_state == I_AwaitingStartConfirm && ev == ev_frame_RESET && I_resetWithRestartLeft -> i_state = I_AwaitingStartAck; I_drawStreamId; I_countRestart; I_sendStart; I_armT1
  :: i_state == I_AwaitingStartConfirm && ev == ev_frame_ERROR && I_errorWithOurTag -> i_state = I_Closed; I_noteCode; I_release
  :: i_state == I_AwaitingStartConfirm && ev == ev_frame_BYE -> i_state = I_Draining; I_noteCode; I_sendByeAck; I_reportPeerBye; I_armDrain
  :: i_state == I_AwaitingStartConfirm && ev == ev_app_close -> i_state = I_Closing; I_noteCode; I_countBye; I_sendBye; I_armClosing
  :: i_state == I_AwaitingStartConfirm && ev == ev_timer_deadline -> i_state = I_Closed; I_noteConfirmTimeout; I_sendBye; I_release
  :: i_state == I_AwaitingStartConfirm && ev == ev_app_socketFailed -> i_state = I_Closed; I_noteLocalNetwork; I_release
  :: i_state == I_Streaming && ev == ev_frame_media -> i_state = I_Streaming; I_deliverMedia; I_armLiveness
  :: i_state == I_Streaming && ev == ev_frame_READY -> i_state = I_Streaming; I_deliverSdp; I_disarmT1; I_disarmDeadline; I_armLiveness
  :: i_state == I_Streaming && ev == ev_frame_PING -> i_state = I_Streaming; I_sendPong; I_armLiveness
  :: i_state == I_Streaming && ev == ev_frame_PONG && I_nonceKnown -> i_state = I_Streaming; I_sampleRtt; I_armLiveness
  :: i_state == I_Streaming && ev == ev_frame_PONG && !I_nonceKnown -> i_state = I_Streaming; I_armLiveness
  :: i_state == I_Streaming && ev == ev_frame_START_ACK && I_sameTag -> i_state = I_Streaming; I_armLiveness
  :: i_state == I_Streaming && ev == ev_frame_PATH_CHALLENGE -> i_state = I_Streaming; I_sendPathResponse; I_armLiveness; I_armWatchdogRepeat
  :: i_state == I_Streaming && ev == ev_frame_PATH_RESPONSE -> i_state = I_Streaming; I_armLiveness
  :: i_state == I_Streaming && ev == ev_frame_TOKEN -> i_state = I_Streaming; I_armLiveness
  :: i_state == I_Streaming && ev == ev_frame_exchange -> i_state = I_Streaming; I_deliverExchange; I_armLiveness
  :: i_state == I_Streaming && ev == ev_timer_T1 && I_confirmsLeft -> i_state = I_Streaming; I_countConfirm; I_sendStartConfirm; I_armT1
  :: i_state == I_Streaming && ev == ev_timer_deadline -> i_state = I_Streaming; I_disarmT1
  :: i_state == I_Streaming && ev == ev_timer_watchdog -> i_state = I_Streaming; I_sendPing; I_armWatchdogRepeat
  :: i_state == I_Streaming && ev == ev_timer_dead -> i_state = I_Closed; I_stopMedia; I_notePeerDead; I_release
  :: i_state == I_Streaming && ev == ev_frame_RESET && I_tokenValid -> i_state = I_Closed; I_stopMedia; I_notePeerReset; I_release
  :: i_state == I_Streaming && ev == ev_frame_BYE -> i_state = I_Draining; I_stopMedia; I_noteCode; I_sendByeAck; I_reportPeerBye; I_armDrain
  :: i_state == I_Streaming && ev == ev_app_close -> i_state = I_Closing; I_stopMedia; I_noteCode; I_countBye; I_sendBye; I_armClosing
  :: i_state == I_Streaming && ev == ev_app_socketFailed -> i_state = I_Closed; I_noteLocalNetwork; I_release
  :: i_state == I_Closing && ev == ev_timer_close && I_byesLeft -> i_state = I_Closing; I_countBye; I_sendBye; I_armClose
  :: i_state == I_Closing && ev == ev_frame_BYE_ACK -> i_state = I_Closed; I_release
  :: i_state == I_Closing && ev == ev_frame_RESET && I_tokenValid -> i_state = I_Closed; I_release
  :: i_state == I_Closing && ev == ev_frame_BYE -> i_state = I_Draining; I_noteCode; I_sendByeAck; I_armDrain
  :: i_state == I_Closing && ev == ev_timer_deadline -> i_state = I_Closed; I_noteCloseTimeout; I_release
  :: i_state == I_Closing && ev == ev_app_socketFailed -> i_state = I_Closed; I_noteLocalNetwork; I_release
  :: i_state == I_Draining && ev == ev_frame_BYE -> i_state = I_Draining; I_sendByeAck
  :: i_state == I_Draining && ev == ev_timer_drain -> i_state = I_Closed; I_release
  :: i_state == I_Draining && ev == ev_app_socketFailed -> i_state = I_Closed; I_noteLocalNetwork; I_release
  :: else -> skip
  fi
}

inline responder_rows() {
  if
  :: r_state == R_Idle && ev == ev_admission_admitted -> r_state = R_PendingStartRequest; R_askReservation; R_armReserve
  :: r_state == R_Idle && ev == ev_app_socketFailed -> r_state = R_Closed; R_noteLocalNetwork; R_release
  :: r_state == R_PendingStartRequest && ev == ev_frame_START -> r_state = R_PendingStartRequest; R_joinReservation
  :: r_state == R_PendingStartRequest && ev == ev_app_reserved -> r_state = R_PendingConfirm; R_noteGrant; R_drawSession; R_sendStartAck; R_armPending
  :: r_state == R_PendingStartRequest && ev == ev_app_refused -> r_state = R_Closed; R_noteCode; R_sendError; R_leaveTombstone; R_release
  :: r_state == R_PendingStartRequest && ev == ev_timer_reserve -> r_state = R_Closed; R_noteBusy; R_sendError; R_leaveTombstone; R_release
  :: r_state == R_PendingStartRequest && ev == ev_app_close -> r_state = R_Closed; R_noteShutdown; R_sendError; R_leaveTombstone; R_release
  :: r_state == R_PendingStartRequest && ev == ev_app_socketFailed -> r_state = R_Closed; R_noteLocalNetwork; R_release
  :: r_state == R_PendingConfirm && ev == ev_frame_START -> r_state = R_PendingConfirm; R_sendStartAck; R_armPending
  :: r_state == R_PendingConfirm && ev == ev_frame_START_CONFIRM && R_admitted -> r_state = R_Streaming; R_supersede; R_sendReady; R_openGate; R_reportStreaming; R_countProbe; R_sendPing; R_armProbe; R_refreshConsent; R_armDead
  :: r_state == R_PendingConfirm && ev == ev_frame_START_CONFIRM && !R_admitted -> r_state = R_Closed; R_noteAuthFailed; R_sendError; R_release
  :: r_state == R_PendingConfirm && ev == ev_app_mediaDue && R_fastGranted -> r_state = R_PendingConfirm; R_sendMedia
  :: r_state == R_PendingConfirm && ev == ev_frame_BYE -> r_state = R_Draining; R_noteCode; R_stopMedia; R_sendByeAck; R_armDrain
  :: r_state == R_PendingConfirm && ev == ev_app_superseded -> r_state = R_Closed; R_noteSuperseded; R_release
  :: r_state == R_PendingConfirm && ev == ev_timer_pending -> r_state = R_Closed; R_noteConfirmTimeout; R_release
  :: r_state == R_PendingConfirm && ev == ev_app_close -> r_state = R_Closed; R_noteShutdown; R_release
  :: r_state == R_PendingConfirm && ev == ev_app_socketFailed -> r_state = R_Closed; R_noteLocalNetwork; R_release
  :: r_state == R_Streaming && ev == ev_frame_START_CONFIRM && R_readyAllowed -> r_state = R_Streaming; R_sendReady; R_armDead
  :: r_state == R_Streaming && ev == ev_frame_START_CONFIRM && !R_readyAllowed -> r_state = R_Streaming; R_armDead
  :: r_state == R_Streaming && ev == ev_app_mediaDue && R_consentHolds -> r_state = R_Streaming; R_sendMedia
  :: r_state == R_Streaming && ev == ev_frame_PONG && R_nonceKnownWhileProbing -> r_state = R_Streaming; R_refreshConsent; R_sampleRtt; R_armDead
  :: r_state == R_Streaming && ev == ev_frame_PONG && !R_nonceKnownWhileProbing && R_nonceKnown -> r_state = R_Streaming; R_refreshConsent; R_sampleRtt; R_armHeartbeat; R_armDead
  :: r_state == R_Streaming && ev == ev_frame_PONG && !R_nonceKnownWhileProbing && !R_nonceKnown -> r_state = R_Streaming; R_armDead
  :: r_state == R_Streaming && ev == ev_frame_PING -> r_state = R_Streaming; R_sendPong; R_armDead
  :: r_state == R_Streaming && ev == ev_frame_PATH_CHALLENGE -> r_state = R_Streaming; R_armDead
  :: r_state == R_Streaming && ev == ev_frame_PATH_RESPONSE -> r_state = R_Streaming; R_armDead
  :: r_state == R_Streaming && ev == ev_frame_exchange -> r_state = R_Streaming; R_deliverExchange; R_armDead
  :: r_state == R_Streaming && ev == ev_timer_heartbeat && R_probing -> r_state = R_Streaming; R_countProbe; R_sendPing; R_armProbe
  :: r_state == R_Streaming && ev == ev_timer_heartbeat && !R_probing -> r_state = R_Streaming; R_sendPing; R_armHeartbeatRepeat
  :: r_state == R_Streaming && ev == ev_timer_consent -> r_state = R_Closed; R_stopMedia; R_noteConsentExpired; R_sendBye; R_release
  :: r_state == R_Streaming && ev == ev_app_superseded -> r_state = R_Closed; R_stopMedia; R_noteSuperseded; R_release
  :: r_state == R_Streaming && ev == ev_timer_dead -> r_state = R_Closed; R_stopMedia; R_notePeerDead; R_release
  :: r_state == R_Streaming && ev == ev_frame_BYE -> r_state = R_Draining; R_stopMedia; R_noteCode; R_sendByeAck; R_reportPeerBye; R_armDrain
  :: r_state == R_Streaming && ev == ev_app_close -> r_state = R_Closing; R_stopMedia; R_noteCode; R_countBye; R_sendBye; R_armClosing
  :: r_state == R_Streaming && ev == ev_app_socketFailed -> r_state = R_Closed; R_noteLocalNetwork; R_release
  :: r_state == R_Closing && ev == ev_timer_close && R_byesLeft -> r_state = R_Closing; R_countBye; R_sendBye; R_armClose
  :: r_state == R_Closing && ev == ev_frame_BYE_ACK -> r_state = R_Closed; R_release
  :: r_state == R_Closing && ev == ev_frame_RESET && R_tokenValid -> r_state = R_Closed; R_release
  :: r_state == R_Closing && ev == ev_frame_BYE -> r_state = R_Draining; R_noteCode; R_sendByeAck; R_armDrain
  :: r_state == R_Closing && ev == ev_timer_deadline -> r_state = R_Closed; R_noteCloseTimeout; R_release
  :: r_state == R_Closing && ev == ev_app_socketFailed -> r_state = R_Closed; R_noteLocalNetwork; R_release
  :: r_state == R_Draining && ev == ev_frame_BYE -> r_state = R_Draining; R_sendByeAck
  :: r_state == R_Draining && ev == ev_timer_drain -> r_state = R_Closed; R_release
  :: r_state == R_Draining && ev == ev_app_socketFailed -> r_state = R_Closed; R_noteLocalNetwork; R_release
  :: else -> skip
  fi
}
