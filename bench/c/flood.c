/*
 * A flood of STARTs from many addresses of 127/8 that nobody listens at: what a spoofer sends. Each has a StreamId of its own and a right
 * CRC-32; in mode `psk` it looks like a secured one, but for MAC1, whose key the sender does not have.
 *
 *     flood PORT PER_SECOND SECONDS ADDRESSES SOCKETS SEED clear|psk
 *
 * Prints one line of JSON at the end.
 */
#define _GNU_SOURCE
#include "viewers.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { SOCKETS_MAX = 256, SECURED = 4, MAC1 = 16, FIRST_ADDRESS = 0x7f010000 };

static size_t make(uint8_t *frame, int secured) {
  uint64_t stream_id = draw() | 1;
  if (!secured) return make_start(frame, stream_id, 1, NULL, NULL);
  const uint8_t version = VERSION;
  uint8_t noise[48];
  for (size_t at = 0; at < sizeof noise; at += 8) *(uint64_t *)(noise + at) = draw();
  size_t at = begin(frame, START, ACK_REQUIRED | SECURED, stream_id, 0, 1);
  at = tlv(frame, at, VERSIONS_TLV, &version, 1);
  at = tlv(frame, at, 14, noise, sizeof noise);
  at = tlv(frame, at, PADDING_TLV, NULL, START_BYTES - MAC1 - TLV_HEADER - at);
  frame[22] = (uint8_t)((at - HEADER) >> 8);
  frame[23] = (uint8_t)(at - HEADER);
  for (int i = 0; i < MAC1; i += 8) *(uint64_t *)(frame + at + i) = draw();
  return START_BYTES;
}

int main(int argc, char **argv) {
  if (argc != 8) {
    fprintf(stderr, "flood PORT PER_SECOND SECONDS ADDRESSES SOCKETS SEED clear|psk\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct sockaddr_in camera = {.sin_family = AF_INET, .sin_port = htons((uint16_t)argument(argv[1], 65535)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const double per_second = atof(argv[2]), run_us = 1e6 * atof(argv[3]);
  const uint32_t addresses = argument(argv[4], 1 << 23), sockets = argument(argv[5], SOCKETS_MAX);
  const int secured = strcmp(argv[7], "psk") == 0;
  seed(argv[6]);
  make_crc_table();
  int fds[SOCKETS_MAX];
  /* Answers are not read: as few as possible are kept. */
  for (uint32_t i = 0; i < sockets; i++) fds[i] = viewer_socket(1);

  static uint8_t frames[BATCH][START_BYTES];
  static _Alignas(struct cmsghdr) uint8_t controls[BATCH][SOURCE_BYTES];
  static struct iovec parts[BATCH];
  static struct mmsghdr messages[BATCH];
  struct in_addr *sources[BATCH];
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){frames[i], START_BYTES};
    sources[i] = address_message(&messages[i].msg_hdr, &camera, &parts[i], controls[i]);
  }

  uint64_t sent = 0, refused = 0;
  const double began = now_us();
  double now = began;
  while (now - began < run_us) {
    if ((double)sent < (now - began) * per_second / 1e6) {
      for (int i = 0; i < BATCH; i++) {
        make(frames[i], secured);
        sources[i]->s_addr = htonl(FIRST_ADDRESS + (uint32_t)(draw() % addresses));
      }
      int left = sendmmsg(fds[draw() % sockets], messages, BATCH, 0);
      if (left > 0) sent += (uint64_t)left;
      else refused++;
    } else {
      usleep(200);
    }
    now = now_us();
  }
  printf("{\"sent\":%llu,\"refused\":%llu,\"elapsedMs\":%.1f}\n", (unsigned long long)sent, (unsigned long long)refused, (now - began) / 1e3);
  return 0;
}
