/*
 * A camera in C for `firstframe bench handshake-rate`: what the handshake of docs/PROTOCOL.md costs with state written by hand. It answers
 * what a camera answers, frame by frame: START_ACK, READY and the first PING, BYE_ACK; it verifies each CRC, draws tags, SSRCs and nonces from
 * the system's random bytes, keeps sessions for as long (pending 10 s, draining 3.5 s), and limits strangers by address. It has no media, no
 * PONGs, heartbeats or RESETs, and its reset tokens are made by SipHash, since nobody but itself has to understand them.
 *
 *     handshake-responder SDP
 *
 * prints its port on 127.0.0.1, and goes on until SIGTERM.
 */
#define _GNU_SOURCE
#include "handshake.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum { SESSIONS = 1 << 20, BUCKETS = 1 << 20, PREFIXES = 1 << 16, BATCH = 64, RECEIVE_BUFFER = 4 << 20, NONE = 0 };
enum state { FREE, PENDING, STREAMING, DRAINING, STATES };

static const double state_us[STATES] = {[PENDING] = 10e6, [STREAMING] = 12e6, [DRAINING] = 3.5e6};
static const double tokens_per_us = 200.0 / 1e6, tokens_max = 200;

struct session {
  uint64_t stream_id, tag;
  struct sockaddr_in peer;
  uint32_t ssrc, next_by_id, next_by_tag, before, after;
  uint8_t token[TOKEN_BYTES];
  uint8_t state;
  double until_us;
};

struct prefix {
  double tokens, at_us;
};

/* Number 0 is none; free ones hang together by `after`. Those of one state wait equally long: a list each is all timers there are. */
static struct session sessions[SESSIONS];
static uint32_t by_id[BUCKETS], by_tag[BUCKETS], first[STATES], last[STATES], used = 1;
static struct prefix prefixes[PREFIXES];
static uint64_t token_key[2];

static uint64_t rotate(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

static void sip_round(uint64_t v[4]) {
  v[0] += v[1]; v[1] = rotate(v[1], 13); v[1] ^= v[0]; v[0] = rotate(v[0], 32);
  v[2] += v[3]; v[3] = rotate(v[3], 16); v[3] ^= v[2];
  v[0] += v[3]; v[3] = rotate(v[3], 21); v[3] ^= v[0];
  v[2] += v[1]; v[1] = rotate(v[1], 17); v[1] ^= v[2]; v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 with 128 bits of both ids. */
static void make_token(uint8_t *token, uint64_t stream_id, uint64_t tag) {
  uint64_t v[4] = {0x736f6d6570736575u, 0x646f72616e646f6du ^ 0xee, 0x6c7967656e657261u, 0x7465646279746573u};
  for (int i = 0; i < 4; i++) v[i] ^= token_key[i & 1];
  const uint64_t words[3] = {stream_id, tag, (uint64_t)16 << 56};
  for (int i = 0; i < 3; i++) {
    v[3] ^= words[i];
    sip_round(v);
    sip_round(v);
    v[0] ^= words[i];
  }
  for (int half = 0; half < 2; half++) {
    if (half == 0) v[2] ^= 0xee;
    else v[1] ^= 0xdd;
    for (int i = 0; i < 4; i++) sip_round(v);
    uint64_t word = v[0] ^ v[1] ^ v[2] ^ v[3];
    memcpy(token + 8 * half, &word, 8);
  }
}

static int same_peer(const struct sockaddr_in *a, const struct sockaddr_in *b) {
  return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

/* Ids are random, so that any bits of them are a hash; a stranger who chose them could make a chain long, as limits allow. */
static uint32_t *id_bucket(uint64_t stream_id) { return &by_id[(stream_id ^ (stream_id >> 40)) % BUCKETS]; }
static uint32_t *tag_bucket(uint64_t tag) { return &by_tag[tag % BUCKETS]; }

static void unlink_state(uint32_t index) {
  struct session *session = &sessions[index];
  if (session->before != NONE) sessions[session->before].after = session->after;
  else first[session->state] = session->after;
  if (session->after != NONE) sessions[session->after].before = session->before;
  else last[session->state] = session->before;
}

static void enter(uint32_t index, enum state state, double now) {
  struct session *session = &sessions[index];
  if (session->state != FREE) unlink_state(index);
  session->state = (uint8_t)state;
  session->until_us = now + state_us[state];
  session->before = last[state];
  session->after = NONE;
  if (last[state] != NONE) sessions[last[state]].after = index;
  else first[state] = index;
  last[state] = index;
}

static void forget(uint32_t index) {
  struct session *session = &sessions[index];
  uint32_t *at = id_bucket(session->stream_id);
  while (*at != index) at = &sessions[*at].next_by_id;
  *at = session->next_by_id;
  for (at = tag_bucket(session->tag); *at != index; at = &sessions[*at].next_by_tag) {}
  *at = session->next_by_tag;
  unlink_state(index);
  session->state = FREE;
  session->after = first[FREE];
  first[FREE] = index;
}

static void expire(double now) {
  for (int state = PENDING; state < STATES; state++)
    while (first[state] != NONE && sessions[first[state]].until_us <= now) forget(first[state]);
}

static int take_token(uint32_t address, double now) {
  struct prefix *prefix = &prefixes[(address * 0x9e3779b1u) >> 16];
  if (prefix->at_us == 0) prefix->tokens = tokens_max;
  double tokens = prefix->tokens + (now - prefix->at_us) * tokens_per_us;
  if (prefix->at_us == 0 || tokens > tokens_max) tokens = tokens_max;
  prefix->at_us = now;
  prefix->tokens = tokens >= 1 ? tokens - 1 : tokens;
  return tokens >= 1;
}

static uint32_t tag_owner(uint64_t tag) {
  uint32_t index = *tag_bucket(tag);
  while (index != NONE && sessions[index].tag != tag) index = sessions[index].next_by_tag;
  return index;
}

static uint32_t named(uint64_t stream_id, uint64_t tag, const struct sockaddr_in *peer) {
  uint32_t index = tag_owner(tag);
  if (index == NONE || sessions[index].stream_id != stream_id || !same_peer(&sessions[index].peer, peer)) return NONE;
  return index;
}

static uint32_t admit(uint64_t stream_id, const struct sockaddr_in *peer, double now) {
  uint32_t index = first[FREE];
  if (index != NONE) first[FREE] = sessions[index].after;
  else if (used < SESSIONS) index = used++;
  else return NONE;
  struct session *session = &sessions[index];
  session->stream_id = stream_id;
  session->peer = *peer;
  session->ssrc = (uint32_t)random_id();
  do session->tag = random_id();
  while (tag_owner(session->tag) != NONE);
  make_token(session->token, stream_id, session->tag);
  session->next_by_id = *id_bucket(stream_id);
  *id_bucket(stream_id) = index;
  session->next_by_tag = *tag_bucket(session->tag);
  *tag_bucket(session->tag) = index;
  enter(index, PENDING, now);
  return index;
}

static size_t on_start(const uint8_t *in, size_t length, const struct sockaddr_in *peer, double now, uint8_t *out) {
  uint64_t stream_id = stream_id_of(in);
  const uint8_t *versions = find_tlv(in, length, VERSIONS_TLV, 1);
  if (length != START_BYTES || stream_id == 0 || tag_of(in) != 0 || attempt_of(in) == 0 || versions == NULL || *versions != VERSION) return 0;
  uint32_t index = *id_bucket(stream_id);
  while (index != NONE && (sessions[index].stream_id != stream_id || !same_peer(&sessions[index].peer, peer))) index = sessions[index].next_by_id;
  if (index == NONE) {
    if (!take_token(peer->sin_addr.s_addr, now) || (index = admit(stream_id, peer, now)) == NONE) return 0;
  } else if (sessions[index].state != PENDING) {
    return 0;
  } else {
    enter(index, PENDING, now);
  }
  struct session *session = &sessions[index];
  return make_start_ack(out, stream_id, session->tag, attempt_of(in), session->token, session->ssrc);
}

static void answer(int fd, const uint8_t *bytes, size_t length, const struct sockaddr_in *to) {
  if (length > 0) sendto(fd, bytes, length, 0, (const struct sockaddr *)to, sizeof *to);
}

static void datagram(int fd, const uint8_t *in, size_t length, const struct sockaddr_in *peer, double now, const char *sdp) {
  uint8_t out[DATAGRAM_MAX];
  if (!is_control(in, length)) return;
  if (in[2] == START) return answer(fd, out, on_start(in, length, peer, now, out), peer);
  if (in[2] != START_CONFIRM && in[2] != BYE) return;
  uint64_t stream_id = stream_id_of(in), tag = tag_of(in);
  uint32_t index = named(stream_id, tag, peer);
  if (index == NONE) return;
  struct session *session = &sessions[index];
  if (in[2] == BYE) {
    if (session->state != DRAINING) enter(index, DRAINING, now);
    return answer(fd, out, make_bye_ack(out, stream_id, tag), peer);
  }
  if (session->state == DRAINING) return;
  int begins = session->state == PENDING;
  enter(index, STREAMING, now);
  answer(fd, out, make_ready(out, stream_id, tag, sdp, strlen(sdp)), peer);
  if (begins) answer(fd, out, make_ping(out, stream_id, tag, random_id()), peer);
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  const char *sdp = arguments[1];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGINT, SIG_IGN);
  make_crc_table();
  token_key[0] = random_id();
  token_key[1] = random_id();
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_DGRAM, 0), receive_buffer = RECEIVE_BUFFER;
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  getsockname(fd, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);

  static uint8_t buffers[BATCH][DATAGRAM_MAX];
  static struct sockaddr_in peers[BATCH];
  static struct iovec parts[BATCH];
  static struct mmsghdr messages[BATCH];
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){buffers[i], DATAGRAM_MAX};
    messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i], .msg_iov = &parts[i], .msg_iovlen = 1};
  }
  for (;;) {
    for (int i = 0; i < BATCH; i++) messages[i].msg_hdr.msg_namelen = sizeof peers[i];
    int received = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (received < 0 && errno != EINTR) fail("recvmmsg");
    double now = now_us();
    expire(now);
    for (int i = 0; i < received; i++) datagram(fd, buffers[i], messages[i].msg_len, &peers[i], now, sdp);
  }
}
