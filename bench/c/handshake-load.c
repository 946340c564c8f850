/*
 * Viewers in C for `firstframe bench handshake-rate`: keeps WINDOW handshakes under way with a camera on 127.0.0.1, each from a tuple that no
 * other has: one of SOCKETS ports, and an address of 127/8 that the datagram itself names (IP_PKTINFO), so that few sockets are many viewers.
 *
 *     handshake-load PORT WINDOW SOCKETS ADDRESSES WARM_UP_MS RUN_MS SEED RANDOM_BITS
 *
 * One handshake: START, START_ACK, START_CONFIRM, READY; then BYE and BYE_ACK, so that the camera may forget it. All answers are verified: CRC,
 * ids, attempt, TLVs, and that they came to the tuple that asked. What gets no answer is sent again; a RETRY is followed with its cookie.
 * First it proves that the camera does its work (see `probe`); then come WARM_UP_MS that do not count, and RUN_MS that do. Prints a line when these
 * begin, and at their end what it counted, as JSON; then it waits to be killed. RANDOM_BITS of each tag, the lowest, must be random: 64, or 56 where
 * the first byte names a worker.
 */
#define _GNU_SOURCE
#include "viewers.h"

#include <endian.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { SOCKETS_MAX = 64, WINDOW_MAX = 65536, SENDS_MAX = 8, TAGS_MIN = 256, FRAMES_KEPT = START_BYTES };
enum state { STARTING, CONFIRMING, LEAVING };

static const double repeat_us = 250e3, look_every_us = 10e3, probe_us = 2e6, silence_us = 100e3;

struct viewer {
  uint64_t stream_id, tag;
  uint32_t address;
  uint8_t state, attempt, sends, has_cookie, cookie[COOKIE_BYTES];
  double repeat_at_us;
};

struct outbox {
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  uint8_t frames[BATCH][FRAMES_KEPT];
  _Alignas(struct cmsghdr) uint8_t controls[BATCH][SOURCE_BYTES];
  struct in_addr *sources[BATCH];
  unsigned count;
};

static struct counts {
  uint64_t ready, closed, sent, sent_bytes, received, received_bytes, repeated, retries, pings, strays, send_waits;
  uint64_t silence, refused, damaged, wrong;
} counts;
static struct viewer viewers[WINDOW_MAX];
static struct outbox outboxes[SOCKETS_MAX];
static int sockets[SOCKETS_MAX];
static uint32_t window, socket_count, address_count, next_address;
static struct sockaddr_in camera = {.sin_family = AF_INET};
static uint64_t tag_ones[64], tags_seen;
static int random_bits;

/* A viewer always uses the same socket; its address changes with each handshake. */
static uint32_t socket_of(uint32_t slot) { return slot % socket_count; }

static void flush(uint32_t which) {
  struct outbox *box = &outboxes[which];
  unsigned done = 0;
  while (done < box->count) {
    int sent = sendmmsg(sockets[which], box->messages + done, box->count - done, 0);
    if (sent > 0) done += (unsigned)sent;
    else if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) counts.send_waits++;
    else fail("sendmmsg");
  }
  box->count = 0;
}

static uint8_t *outgoing(uint32_t which) {
  struct outbox *box = &outboxes[which];
  if (box->count == BATCH) flush(which);
  return box->frames[box->count];
}

static void send_from(uint32_t which, uint32_t address, size_t length) {
  struct outbox *box = &outboxes[which];
  unsigned at = box->count++;
  box->parts[at].iov_len = length;
  box->sources[at]->s_addr = htonl(address);
  counts.sent++;
  counts.sent_bytes += length;
}

static void say(uint32_t slot, double now) {
  struct viewer *viewer = &viewers[slot];
  uint8_t *frame = outgoing(socket_of(slot));
  size_t length;
  if (viewer->state == STARTING) length = make_start(frame, viewer->stream_id, ++viewer->attempt, viewer->has_cookie ? viewer->cookie : NULL, NULL);
  else if (viewer->state == CONFIRMING) length = make_confirm(frame, viewer->stream_id, viewer->tag);
  else length = make_bye(frame, viewer->stream_id, viewer->tag);
  viewer->repeat_at_us = now + repeat_us;
  if (viewer->sends++ > 0) counts.repeated++;
  send_from(socket_of(slot), viewer->address, length);
}

static void go_on(uint32_t slot, enum state state, double now) {
  viewers[slot].state = (uint8_t)state;
  viewers[slot].sends = 0;
  say(slot, now);
}

/* The low bits of a StreamId find its viewer again; the others are drawn. */
static void begin_anew(uint32_t slot, double now) {
  struct viewer *viewer = &viewers[slot];
  do viewer->stream_id = (draw() & ~(uint64_t)(WINDOW_MAX - 1)) | slot;
  while (viewer->stream_id == 0);
  viewer->address = 0x7f010000u + next_address;
  next_address = (next_address + 1) % address_count;
  viewer->attempt = 0;
  viewer->has_cookie = 0;
  go_on(slot, STARTING, now);
}

static void note_tag(uint64_t tag) {
  tag = be64toh(tag);
  tags_seen++;
  for (int bit = 0; bit < 64; bit++) tag_ones[bit] += (tag >> bit) & 1;
}

static int is_start_ack(const uint8_t *frame, size_t length) {
  return length == ACK_BYTES && frame[2] == START_ACK && frame[3] == ACK_REQUIRED && tag_of(frame) != 0 &&
         find_tlv(frame, length, RESET_TOKEN_TLV, TOKEN_BYTES) != NULL && find_tlv(frame, length, SSRC_TLV, 4) != NULL;
}

static void take(uint32_t which, const uint8_t *frame, size_t length, uint32_t to, double now) {
  counts.received++;
  counts.received_bytes += length;
  if (!is_control(frame, length)) {
    counts.damaged++;
    return;
  }
  uint32_t slot = (uint32_t)(stream_id_of(frame) & (WINDOW_MAX - 1));
  struct viewer *viewer = &viewers[slot];
  if (slot >= window || viewer->stream_id != stream_id_of(frame)) {
    counts.strays++;
    return;
  }
  if (socket_of(slot) != which || viewer->address != to || (viewer->state != STARTING && tag_of(frame) != viewer->tag)) {
    counts.wrong++;
    return;
  }
  const uint8_t *cookie;
  switch (frame[2]) {
    case START_ACK:
      if (viewer->state != STARTING) counts.strays++;
      else if (!is_start_ack(frame, length) || attempt_of(frame) == 0 || attempt_of(frame) > viewer->attempt) counts.wrong++;
      else {
        viewer->tag = tag_of(frame);
        if (tags_seen < TAGS_MIN || (counts.ready & 63) == 0) note_tag(viewer->tag);
        go_on(slot, CONFIRMING, now);
      }
      return;
    case RETRY:
      cookie = find_tlv(frame, length, COOKIE_TLV, COOKIE_BYTES);
      if (viewer->state != STARTING || cookie == NULL) counts.wrong++;
      else if (attempt_of(frame) == viewer->attempt) {
        memcpy(viewer->cookie, cookie, COOKIE_BYTES);
        viewer->has_cookie = 1;
        counts.retries++;
        go_on(slot, STARTING, now);
      }
      return;
    case READY:
      if (viewer->state == CONFIRMING) {
        counts.ready++;
        go_on(slot, LEAVING, now);
      } else counts.strays++;
      return;
    case PING:
      counts.pings++;
      return;
    case BYE_ACK:
      if (viewer->state != LEAVING) counts.wrong++;
      else {
        counts.closed++;
        begin_anew(slot, now);
      }
      return;
    default:
      counts.refused++;
      /* It begins anew when this one would have been repeated, so that a camera that is full is not asked at full speed. */
      viewer->sends = SENDS_MAX + 1;
      viewer->repeat_at_us = now + repeat_us;
  }
}

static void repeat_what_is_due(double now) {
  for (uint32_t slot = 0; slot < window; slot++) {
    struct viewer *viewer = &viewers[slot];
    if (viewer->repeat_at_us > now) continue;
    if (viewer->sends < SENDS_MAX) say(slot, now);
    else {
      if (viewer->sends == SENDS_MAX) counts.silence++;
      begin_anew(slot, now);
    }
  }
}

/* The address of 127/8 that a datagram came to. */
static uint32_t destination(int i) {
  struct cmsghdr *control = CMSG_FIRSTHDR(&inbox.messages[i].msg_hdr);
  if (control == NULL || control->cmsg_type != IP_PKTINFO) return 0;
  return ntohl(((struct in_pktinfo *)CMSG_DATA(control))->ipi_addr.s_addr);
}

static void run_until(double end_us) {
  struct pollfd polled[SOCKETS_MAX];
  for (uint32_t i = 0; i < socket_count; i++) polled[i] = (struct pollfd){.fd = sockets[i], .events = POLLIN};
  double look_at_us = 0;
  for (;;) {
    double now = now_us();
    if (now >= end_us) return;
    int any = 0;
    for (uint32_t which = 0; which < socket_count; which++) {
      int received = receive(sockets[which]);
      for (int i = 0; i < received; i++) take(which, inbox.buffers[i], inbox.messages[i].msg_len, destination(i), now);
      any |= received > 0;
    }
    if (now >= look_at_us) {
      repeat_what_is_due(now);
      look_at_us = now + look_every_us;
    }
    for (uint32_t which = 0; which < socket_count; which++) if (outboxes[which].count > 0) flush(which);
    if (!any) poll(polled, socket_count, 1);
  }
}

/* One frame to the camera, from 127.1.0.1 and the first socket. */
static void ask(const uint8_t *frame, size_t length) {
  memcpy(outgoing(0), frame, length);
  send_from(0, 0x7f010001u, length);
  flush(0);
}

/* Waits for a frame of this type and StreamId, copies it. Others are not looked at. Returns its length, 0 for none. */
static size_t await(uint8_t type, uint64_t stream_id, uint8_t *frame, double for_us) {
  struct pollfd polled = {.fd = sockets[0], .events = POLLIN};
  double end = now_us() + for_us;
  while (now_us() < end) {
    int received = receive(sockets[0]);
    for (int i = 0; i < received; i++) {
      const uint8_t *bytes = inbox.buffers[i];
      if (!is_frame(bytes, inbox.messages[i].msg_len, type) || stream_id_of(bytes) != stream_id || destination(i) != 0x7f010001u) continue;
      memcpy(frame, bytes, inbox.messages[i].msg_len);
      return inbox.messages[i].msg_len;
    }
    if (received == 0) poll(&polled, 1, 1);
  }
  return 0;
}

/* What the camera must do before it is measured. Returns what it does not do, NULL when it does all. */
static const char *probe(void) {
  uint8_t frame[DATAGRAM_MAX], answer[DATAGRAM_MAX];
  uint64_t id = draw() | 1;
  size_t length = make_start(frame, id, 1, NULL, NULL);
  frame[40] ^= 0x10;
  ask(frame, length);
  if (await(START_ACK, id, answer, silence_us) != 0) return "it answers a START whose CRC is wrong";
  ask(frame, make_start(frame, id, 1, NULL, NULL));
  length = await(START_ACK, id, answer, probe_us);
  if (length == 0 || !is_start_ack(answer, length) || attempt_of(answer) != 1) return "it does not answer START with START_ACK";
  uint64_t tag = tag_of(answer);
  ask(frame, make_start(frame, id, 2, NULL, NULL));
  length = await(START_ACK, id, answer, probe_us);
  if (length == 0 || tag_of(answer) != tag || attempt_of(answer) != 2) return "it does not answer a copy of START with its tag and attempt";
  ask(frame, make_confirm(frame, id, tag ^ 1));
  if (await(READY, id, answer, silence_us) != 0) return "it answers a START_CONFIRM that has a wrong tag with READY";
  length = make_confirm(frame, id, tag);
  frame[length - 1] ^= 0x10;
  ask(frame, length);
  if (await(READY, id, answer, silence_us) != 0) return "it answers a START_CONFIRM whose CRC is wrong with READY";
  frame[length - 1] ^= 0x10;
  ask(frame, length);
  if (await(READY, id, answer, probe_us) == 0 || tag_of(answer) != tag) return "it does not answer START_CONFIRM with READY";
  ask(frame, make_bye(frame, id, tag));
  if (await(BYE_ACK, id, answer, probe_us) == 0) return "it does not answer BYE";
  return NULL;
}

/* Whether each bit of the tags is 1 half of the time, within six standard deviations; few tags say nothing. */
static int tags_are_random(void) {
  double half = (double)tags_seen / 2;
  if (tags_seen < TAGS_MIN) return 1;
  for (int bit = 0; bit < random_bits; bit++) {
    double off = (double)tag_ones[bit] - half;
    if (off * off > 36.0 * (double)tags_seen / 4) return 0;
  }
  return 1;
}

static void open_sockets(void) {
  for (uint32_t which = 0; which < socket_count; which++) {
    sockets[which] = viewer_socket(SOCKET_BUFFER);
    struct outbox *box = &outboxes[which];
    for (int i = 0; i < BATCH; i++) {
      box->parts[i].iov_base = box->frames[i];
      box->sources[i] = address_message(&box->messages[i].msg_hdr, &camera, &box->parts[i], box->controls[i]);
    }
  }
}

/* Of the time that counts, but for failures, which are those of all the time. */
static void report(const struct counts *before, double elapsed_us) {
  const struct { const char *name; uint64_t value; } figures[] = {
      {"ready", counts.ready - before->ready},
      {"closed", counts.closed - before->closed},
      {"datagramsSent", counts.sent - before->sent},
      {"bytesSent", counts.sent_bytes - before->sent_bytes},
      {"datagramsReceived", counts.received - before->received},
      {"bytesReceived", counts.received_bytes - before->received_bytes},
      {"repeated", counts.repeated - before->repeated},
      {"retries", counts.retries - before->retries},
      {"pings", counts.pings - before->pings},
      {"strays", counts.strays - before->strays},
      {"sendWaits", counts.send_waits - before->send_waits},
  };
  printf("{\"elapsedMs\":%.3f", elapsed_us / 1e3);
  for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) printf(",\"%s\":%lu", figures[i].name, figures[i].value);
  printf(",\"failures\":{\"no answer\":%lu,\"refused\":%lu,\"damaged\":%lu,\"wrong answer\":%lu,\"tags not random\":%d}}\n",
         counts.silence, counts.refused, counts.damaged, counts.wrong, !tags_are_random());
}

int main(int count, char **arguments) {
  if (count != 9) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  camera.sin_port = htons((uint16_t)argument(arguments[1], 65535));
  camera.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  window = argument(arguments[2], WINDOW_MAX);
  socket_count = argument(arguments[3], SOCKETS_MAX);
  address_count = argument(arguments[4], 1 << 22);
  double warm_up_us = 1e3 * atof(arguments[5]), run_us = 1e3 * atof(arguments[6]);
  seed(arguments[7]);
  random_bits = (int)argument(arguments[8], 64);
  make_crc_table();
  open_sockets();
  const char *fault = probe();
  if (fault != NULL) {
    fprintf(stderr, "the camera does not do the work: %s\n", fault);
    return 1;
  }
  double began = now_us();
  for (uint32_t slot = 0; slot < window; slot++) begin_anew(slot, began);
  run_until(began + warm_up_us);
  printf("counting\n");
  fflush(stdout);
  const struct counts before = counts;
  double from = now_us();
  run_until(from + run_us);
  report(&before, now_us() - from);
  fflush(stdout);
  /* Until it is ended, so that its cost can be read. */
  pause();
  return 0;
}
