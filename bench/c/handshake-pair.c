/*
 * A viewer and a camera in C that do no more than the three messages ask for: the reference on loopback for what Node and the
 * engine add. Frames are those of docs/PROTOCOL.md, section 2; there are no timers, limits or repeats.
 *
 *     handshake-pair COUNT GAP_US MEDIA
 *
 * makes COUNT handshakes, one after the other, each with a socket of its own, GAP_US apart; the camera sends MEDIA datagrams of 1,200 bytes after
 * READY. Prints a line for each: microseconds from before socket() and from the START to the first media datagram.
 */
#include "handshake.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SDP_BYTES = 247, MEDIA_BYTES = 1200, SESSIONS = 65536, TIMEOUT_S = 2 };

struct session {
  uint64_t stream_id;
  uint64_t tag;
};

static struct session sessions[SESSIONS];

static void camera(int socket_fd, int media) {
  uint8_t in[DATAGRAM_MAX], out[MEDIA_BYTES], token[TOKEN_BYTES] = {0};
  char sdp[SDP_BYTES] = {0};
  struct sockaddr_in from;
  for (;;) {
    socklen_t size = sizeof from;
    ssize_t length = recvfrom(socket_fd, in, sizeof in, 0, (struct sockaddr *)&from, &size);
    if (length < 0) fail("recvfrom");
    struct session *session = &sessions[stream_id_of(in) % SESSIONS];
    if (is_frame(in, length, START)) {
      session->stream_id = stream_id_of(in);
      session->tag = random_id();
      size_t ack = make_start_ack(out, session->stream_id, session->tag, attempt_of(in), token, 1);
      sendto(socket_fd, out, ack, 0, (struct sockaddr *)&from, size);
    } else if (is_frame(in, length, START_CONFIRM)) {
      if (session->stream_id != stream_id_of(in) || session->tag != tag_of(in)) continue;
      size_t ready = make_ready(out, session->stream_id, session->tag, sdp, SDP_BYTES);
      sendto(socket_fd, out, ready, 0, (struct sockaddr *)&from, size);
      memset(out, 0, sizeof out);
      out[0] = MEDIA;
      for (int i = 0; i < media; i++) sendto(socket_fd, out, MEDIA_BYTES, 0, (struct sockaddr *)&from, size);
    }
  }
}

static void handshake(const struct sockaddr_in *to, int media) {
  uint8_t frame[DATAGRAM_MAX];
  double began_us = now_us();
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) fail("socket");
  struct timeval timeout = {.tv_sec = TIMEOUT_S};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0) fail("connect");
  uint64_t stream_id = random_id();
  double started_us = now_us();
  if (send(fd, frame, make_start(frame, stream_id, 1, NULL, NULL), 0) < 0) fail("send");
  int confirmed = 0, left = media;
  while (left > 0) {
    ssize_t length = recv(fd, frame, sizeof frame, 0);
    if (length < 0) fail("nothing came");
    if (!confirmed && is_frame(frame, length, START_ACK) && stream_id_of(frame) == stream_id) {
      confirmed = 1;
      if (send(fd, frame, make_confirm(frame, stream_id, tag_of(frame)), 0) < 0) fail("send");
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
