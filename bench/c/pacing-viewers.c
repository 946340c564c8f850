/*
 * Viewers in C for `firstframe bench pacing`: each watches a stream of its own of a camera on 127.0.0.1, answers its PINGs, and notes when each
 * datagram of media came. Times are the kernel's (SO_TIMESTAMPNS), which over loopback are those of the sender's own system call: how busy
 * this process is does not show in them.
 *
 *     pacing-viewers PORT STREAMS SOCKETS DATAGRAMS FRAME_TICKS WARM_UP_MS RUN_MS SEED
 *
 * Streams are called s0, s1 …; each frame has DATAGRAMS datagrams, and its RTP timestamp is FRAME_TICKS more than that of the one before. A
 * datagram is late by how much more time lies between its frame's timestamp and its coming than for the earliest datagram of the same stream
 * and place in a frame: source, engine, socket and kernel together. Prints a line when it counts, then what it counted, as JSON; then it waits
 * to be killed.
 */
#define _GNU_SOURCE
#include "viewers.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { STREAMS_MAX = 65536, SOCKETS_MAX = 64, DATAGRAMS_MAX = 1024, NAME_BYTES = 16 };
enum state { WAITING, STARTING, CONFIRMING, WATCHING };
enum { UNDER_WAY_MAX = 32, CLOCK_HZ = 90000, RTP_HEADER = 12 };

static const double repeat_us = 100e3, give_up_us = 60e6;

struct viewer {
  uint64_t stream_id, tag;
  double repeat_at_us;
  uint32_t ssrc, timestamp, datagrams;
  int64_t ticks;
  uint16_t sequence, first_of_frame, largest;
  uint8_t state, attempt, begun, has_cookie, cookie[COOKIE_BYTES];
};

/* One datagram of media: which place of which stream, and how long after its frame's timestamp it came, in ms from any zero. */
struct sample {
  uint32_t place;
  float after_ms;
};

static struct viewer viewers[STREAMS_MAX];
static int sockets[SOCKETS_MAX];
static uint32_t stream_count, socket_count, per_frame, frame_ticks, under_way, watching;
static struct sockaddr_in camera = {.sin_family = AF_INET};
static struct sample *samples;
static size_t sample_count, samples_max;
static int counting;
static double zero_ms;
static struct { uint64_t received, lost, repeated, odd, full; } counts;

static void send_from(uint32_t index, const uint8_t *frame, size_t length) {
  struct iovec part = {(void *)frame, length};
  _Alignas(struct cmsghdr) uint8_t control[SOURCE_BYTES] = {0};
  struct msghdr header;
  address_message(&header, &camera, &part, control)->s_addr = htonl(0x7f020000u + index);
  sendmsg(sockets[index % socket_count], &header, 0);
}

static void say(uint32_t index, double now) {
  struct viewer *viewer = &viewers[index];
  uint8_t frame[DATAGRAM_MAX];
  char name[NAME_BYTES];
  snprintf(name, sizeof name, "s%u", index);
  viewer->repeat_at_us = now + repeat_us;
  const uint8_t *cookie = viewer->has_cookie ? viewer->cookie : NULL;
  if (viewer->state == STARTING) send_from(index, frame, make_start(frame, viewer->stream_id, ++viewer->attempt, cookie, name));
  else send_from(index, frame, make_confirm(frame, viewer->stream_id, viewer->tag));
}

static void control_frame(uint32_t index, const uint8_t *frame, size_t length, double now) {
  struct viewer *viewer = &viewers[index];
  if (!is_control(frame, length) || stream_id_of(frame) != viewer->stream_id) return;
  uint8_t answer[DATAGRAM_MAX];
  const uint8_t *value;
  switch (frame[2]) {
    case START_ACK:
      value = find_tlv(frame, length, SSRC_TLV, 4);
      if (viewer->state != STARTING || value == NULL) return;
      memcpy(&viewer->ssrc, value, 4);
      viewer->tag = tag_of(frame);
      viewer->state = CONFIRMING;
      return say(index, now);
    case RETRY:
      /* A camera that comes late to what is due asks for a cookie. */
      value = find_tlv(frame, length, COOKIE_TLV, COOKIE_BYTES);
      if (viewer->state != STARTING || value == NULL || attempt_of(frame) != viewer->attempt) return;
      memcpy(viewer->cookie, value, COOKIE_BYTES);
      viewer->has_cookie = 1;
      return say(index, now);
    case READY:
      if (viewer->state != CONFIRMING) return;
      viewer->state = WATCHING;
      watching++;
      under_way--;
      return;
    case PING:
      value = find_tlv(frame, length, NONCE_TLV, 8);
      if (value == NULL) return;
      send_from(index, answer, make_pong(answer, viewer->stream_id, viewer->tag, value, viewer->largest));
      viewer->largest = 0;
      return;
    case ERROR:
    case BYE:
    case RESET:
      value = find_tlv(frame, length, ERROR_CODE_TLV, 2);
      fprintf(stderr, "the camera refuses stream s%u, or ends it (frame of type %d, code %d)\n", index, frame[2], value == NULL ? -1 : value[1]);
      exit(1);
    default:
      return;
  }
}

static void media(uint32_t index, const uint8_t *packet, size_t length, double came_ms) {
  struct viewer *viewer = &viewers[index];
  uint32_t timestamp;
  memcpy(&timestamp, packet + 4, 4);
  timestamp = ntohl(timestamp);
  uint16_t sequence = (uint16_t)(packet[2] << 8 | packet[3]);
  if (memcmp(packet + 8, &viewer->ssrc, 4) != 0) return;
  if (length > viewer->largest) viewer->largest = (uint16_t)length;
  if (!viewer->begun) {
    *viewer = (struct viewer){.stream_id = viewer->stream_id, .tag = viewer->tag, .repeat_at_us = viewer->repeat_at_us, .ssrc = viewer->ssrc,
                              .timestamp = timestamp, .sequence = (uint16_t)(sequence - 1), .first_of_frame = sequence,
                              .largest = viewer->largest, .state = viewer->state, .attempt = viewer->attempt, .begun = 1};
  }
  int16_t step = (int16_t)(sequence - viewer->sequence);
  if (step <= 0) {
    counts.repeated += (uint64_t)counting;
    return;
  }
  int32_t later = (int32_t)(timestamp - viewer->timestamp);
  viewer->ticks += later;
  viewer->timestamp = timestamp;
  viewer->sequence = sequence;
  /* After a gap the place in the frame follows from how many frames lie between. */
  if (later != 0 && step == 1) viewer->first_of_frame = sequence;
  else if (later > 0) viewer->first_of_frame = (uint16_t)(viewer->first_of_frame + per_frame * ((uint32_t)later / frame_ticks));
  if (!counting) return;
  counts.received++;
  counts.lost += (uint64_t)(step - 1);
  uint16_t place = (uint16_t)(sequence - viewer->first_of_frame);
  if (place >= per_frame) counts.odd++;
  else if (sample_count == samples_max) counts.full++;
  else samples[sample_count++] = (struct sample){index * per_frame + place, (float)(came_ms - 1e3 * (double)viewer->ticks / CLOCK_HZ)};
}

static int take_all(uint32_t which, double now) {
  int received = receive(sockets[which]);
  for (int i = 0; i < received; i++) {
    struct msghdr *header = &inbox.messages[i].msg_hdr;
    uint32_t index = STREAMS_MAX;
    double came_ms = 0;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL; control = CMSG_NXTHDR(header, control)) {
      if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        index = ntohl(((struct in_pktinfo *)CMSG_DATA(control))->ipi_addr.s_addr) - 0x7f020000u;
      } else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
        struct timespec *time = (struct timespec *)CMSG_DATA(control);
        if (zero_ms == 0) zero_ms = 1e3 * (double)time->tv_sec;
        came_ms = 1e3 * (double)time->tv_sec - zero_ms + (double)time->tv_nsec / 1e6;
      }
    }
    if (index >= stream_count) continue;
    const uint8_t *bytes = inbox.buffers[i];
    size_t length = inbox.messages[i].msg_len;
    if (length >= RTP_HEADER && (bytes[0] & 0xc0) == MEDIA && (bytes[1] & 0x60) != 0x40) media(index, bytes, length, came_ms);
    else control_frame(index, bytes, length, now);
  }
  return received;
}

/* Until all watch, or until a time. */
static void run_until(double end_us, int until_all_watch) {
  struct pollfd polled[SOCKETS_MAX];
  for (uint32_t i = 0; i < socket_count; i++) polled[i] = (struct pollfd){.fd = sockets[i], .events = POLLIN};
  for (;;) {
    double now = now_us();
    if (now >= end_us || (until_all_watch && watching == stream_count)) return;
    int received = 0;
    for (uint32_t which = 0; which < socket_count; which++) received += take_all(which, now);
    for (uint32_t index = 0; until_all_watch && index < stream_count; index++) {
      struct viewer *viewer = &viewers[index];
      if (viewer->state == WATCHING || (viewer->state == WAITING && under_way == UNDER_WAY_MAX) || viewer->repeat_at_us > now) continue;
      if (viewer->state == WAITING) {
        under_way++;
        viewer->state = STARTING;
        viewer->stream_id = draw() | 1;
      }
      say(index, now);
    }
    if (received == 0) poll(polled, socket_count, 1);
  }
}

static void open_sockets(void) {
  const int yes = 1;
  for (uint32_t which = 0; which < socket_count; which++) {
    sockets[which] = viewer_socket(SOCKET_BUFFER);
    if (setsockopt(sockets[which], SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes) < 0) fail("SO_TIMESTAMPNS");
  }
}

static int by_lateness(const void *a, const void *b) {
  float x = ((const struct sample *)a)->after_ms, y = ((const struct sample *)b)->after_ms;
  return (x > y) - (x < y);
}

static double percentile(double fraction) {
  if (sample_count == 0) return 0;
  size_t rank = (size_t)(fraction * (double)sample_count + 0.9999999);
  return samples[rank == 0 ? 0 : rank - 1].after_ms;
}

/* From here on `after_ms` is how late a datagram was. */
static void report(double elapsed_us) {
  float *earliest = malloc(sizeof(float) * stream_count * per_frame);
  if (earliest == NULL) fail("malloc");
  for (size_t i = 0; i < stream_count * per_frame; i++) earliest[i] = 1e30f;
  for (size_t i = 0; i < sample_count; i++)
    if (samples[i].after_ms < earliest[samples[i].place]) earliest[samples[i].place] = samples[i].after_ms;
  for (size_t i = 0; i < sample_count; i++) samples[i].after_ms -= earliest[samples[i].place];
  qsort(samples, sample_count, sizeof *samples, by_lateness);
  printf("{\"elapsedMs\":%.3f,\"received\":%lu,\"lost\":%lu,\"repeated\":%lu,\"odd\":%lu,\"notKept\":%lu,", elapsed_us / 1e3, counts.received,
         counts.lost, counts.repeated, counts.odd, counts.full);
  printf("\"lateMs\":{\"count\":%zu,\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f}}\n", sample_count, percentile(0.5),
         percentile(0.9), percentile(0.99), percentile(0.999), percentile(1));
  fflush(stdout);
}

int main(int count, char **arguments) {
  if (count != 9) return 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  camera.sin_port = htons((uint16_t)argument(arguments[1], 65535));
  camera.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  stream_count = argument(arguments[2], STREAMS_MAX);
  socket_count = argument(arguments[3], SOCKETS_MAX);
  per_frame = argument(arguments[4], DATAGRAMS_MAX);
  frame_ticks = argument(arguments[5], 1u << 30);
  double warm_up_us = 1e3 * atof(arguments[6]), run_us = 1e3 * atof(arguments[7]);
  seed(arguments[8]);
  samples_max = (size_t)(1.5 * stream_count * per_frame * (run_us / 1e6 * CLOCK_HZ / frame_ticks + 2));
  samples = malloc(samples_max * sizeof *samples);
  if (samples == NULL) fail("malloc");
  make_crc_table();
  open_sockets();
  run_until(now_us() + give_up_us, 1);
  if (watching < stream_count) {
    fprintf(stderr, "%u of %u streams did not begin\n", stream_count - watching, stream_count);
    return 1;
  }
  run_until(now_us() + warm_up_us, 0);
  printf("counting\n");
  fflush(stdout);
  counting = 1;
  double from = now_us();
  run_until(from + run_us, 0);
  report(now_us() - from);
  pause();
  return 0;
}
