/*
 * A viewer and a camera in C that do no more than the three messages ask for: the reference on loopback for what Node and the
 * engine add. Frames have the sizes, ids, tag and CRC-32 of docs/PROTOCOL.md, section 2; there are no timers, limits or repeats.
 *
 *     handshake-pair COUNT GAP_US MEDIA
 *
 * makes COUNT handshakes, one after the other, each with a socket of its own, GAP_US apart; the camera sends MEDIA datagrams of 1,200 bytes after
 * READY. Prints a line for each: microseconds from before socket() and from the START to the first media datagram.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START = 1, START_ACK = 2, START_CONFIRM = 3, READY = 6 };
enum { START_BYTES = 256, ACK_BYTES = 56, CONFIRM_BYTES = 72, READY_BYTES = 279, MEDIA_BYTES = 1200 };
enum { CONTROL = 0x0c, MEDIA = 0x80, SESSIONS = 65536, TIMEOUT_S = 2 };

struct session {
  uint64_t stream_id;
  uint64_t tag;
};

static uint32_t crc_table[256];
static struct session sessions[SESSIONS];

static void make_crc_table(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320u ^ (crc >> 1) : crc >> 1;
    crc_table[i] = crc;
  }
}

static uint32_t crc_of(const uint8_t *bytes, size_t length) {
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < length; i++) crc = crc_table[(crc ^ bytes[i]) & 0xff] ^ (crc >> 8);
  return ~crc;
}

static void seal(uint8_t *frame, size_t length, uint8_t type, uint64_t stream_id, uint64_t tag) {
  memset(frame, 0, length);
  frame[0] = CONTROL;
  frame[1] = 1;
  frame[2] = type;
  memcpy(frame + 4, &stream_id, 8);
  memcpy(frame + 12, &tag, 8);
  frame[23] = (uint8_t)(length - 28);
  uint32_t crc = htonl(crc_of(frame, length - 4));
  memcpy(frame + length - 4, &crc, 4);
}

static int is_frame(const uint8_t *frame, ssize_t length, uint8_t type) {
  if (length < 28 || frame[0] != CONTROL || frame[1] != 1 || frame[2] != type) return 0;
  uint32_t crc;
  memcpy(&crc, frame + length - 4, 4);
  return ntohl(crc) == crc_of(frame, (size_t)length - 4);
}

static uint64_t id_at(const uint8_t *frame, size_t offset) {
  uint64_t id;
  memcpy(&id, frame + offset, 8);
  return id;
}

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t next_id(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void camera(int socket_fd, int media) {
  uint8_t in[2048], out[MEDIA_BYTES];
  struct sockaddr_in from;
  for (;;) {
    socklen_t size = sizeof from;
    ssize_t length = recvfrom(socket_fd, in, sizeof in, 0, (struct sockaddr *)&from, &size);
    if (length < 0) fail("recvfrom");
    struct session *session = &sessions[id_at(in, 4) % SESSIONS];
    if (is_frame(in, length, START)) {
      session->stream_id = id_at(in, 4);
      session->tag = next_id();
      seal(out, ACK_BYTES, START_ACK, session->stream_id, session->tag);
      sendto(socket_fd, out, ACK_BYTES, 0, (struct sockaddr *)&from, size);
    } else if (is_frame(in, length, START_CONFIRM)) {
      if (session->stream_id != id_at(in, 4) || session->tag != id_at(in, 12)) continue;
      seal(out, READY_BYTES, READY, session->stream_id, session->tag);
      sendto(socket_fd, out, READY_BYTES, 0, (struct sockaddr *)&from, size);
      memset(out, 0, sizeof out);
      out[0] = MEDIA;
      for (int i = 0; i < media; i++) sendto(socket_fd, out, MEDIA_BYTES, 0, (struct sockaddr *)&from, size);
    }
  }
}

static double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return 1e6 * (double)time.tv_sec + (double)time.tv_nsec / 1e3;
}

static void handshake(const struct sockaddr_in *to, int media) {
  uint8_t frame[2048];
  double began_us = now_us();
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("socket");
  struct timeval timeout = {.tv_sec = TIMEOUT_S};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0) fail("connect");
  uint64_t stream_id = next_id();
  double started_us = now_us();
  seal(frame, START_BYTES, START, stream_id, 0);
  if (send(fd, frame, START_BYTES, 0) < 0) fail("send");
  int confirmed = 0, left = media;
  while (left > 0) {
    ssize_t length = recv(fd, frame, sizeof frame, 0);
    if (length < 0) fail("nothing came");
    if (!confirmed && is_frame(frame, length, START_ACK) && id_at(frame, 4) == stream_id) {
      confirmed = 1;
      uint64_t tag = id_at(frame, 12);
      seal(frame, CONFIRM_BYTES, START_CONFIRM, stream_id, tag);
      if (send(fd, frame, CONFIRM_BYTES, 0) < 0) fail("send");
    } else if (confirmed && length == MEDIA_BYTES && frame[0] == MEDIA) {
      if (left-- == media) printf("%.1f %.1f\n", now_us() - began_us, now_us() - started_us);
    }
  }
  close(fd);
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  int handshakes = atoi(arguments[1]), gap_us = atoi(arguments[2]), media = atoi(arguments[3]);
  make_crc_table();
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  getsockname(fd, (struct sockaddr *)&address, &size);
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    /* It must not outlive the viewer, however that one ends. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    camera(fd, media);
  }
  close(fd);
  for (int i = 0; i < handshakes; i++) {
    if (gap_us > 0) usleep((useconds_t)gap_us);
    handshake(&address, media);
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return 0;
}
