/*
 * A flood of STARTs from many addresses of 127/8 that nobody listens at: what a spoofer sends. Each has a StreamId of its own and a right
 * CRC-32; in mode `psk` it looks like a secured one, but for MAC1, whose key the sender does not have.
 *
 *     flood PORT PER_SECOND SECONDS ADDRESSES SOCKETS SEED clear|psk
 *
 * Prints one line of JSON at the end.
 */
#define _GNU_SOURCE
#include "handshake.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, SOCKETS_MAX = 256, SECURED = 4, MAC1 = 16, FIRST_ADDRESS = 0x7f010000 };

static uint64_t state;

/* xorshift64*: fast, and by seed. */
static uint64_t draw(void) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545f4914f6cdd1dull;
}

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
  const double per_second = atof(argv[2]), run_us = 1e6 * atof(argv[3]);
  const uint32_t addresses = (uint32_t)atoi(argv[4]);
  const int sockets = atoi(argv[5]), secured = strcmp(argv[7], "psk") == 0;
  state = 0x9e3779b97f4a7c15ull ^ strtoull(argv[6], NULL, 10);
  make_crc_table();
  if (sockets < 1 || sockets > SOCKETS_MAX || addresses < 1) return 2;

  struct sockaddr_in camera = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fds[SOCKETS_MAX];
  for (int i = 0; i < sockets; i++) {
    struct sockaddr_in any = {.sin_family = AF_INET};
    const int least = 1;
    fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&any, sizeof any) < 0) fail("socket");
    setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  }

  static uint8_t frames[BATCH][START_BYTES];
  static union {
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct cmsghdr header;
  } controls[BATCH];
  static struct iovec parts[BATCH];
  static struct mmsghdr messages[BATCH];
  struct in_pktinfo *sources[BATCH];
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){frames[i], START_BYTES};
    messages[i].msg_hdr = (struct msghdr){
        .msg_name = &camera, .msg_namelen = sizeof camera, .msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = &controls[i], .msg_controllen = sizeof controls[i].bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&messages[i].msg_hdr);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    sources[i] = (struct in_pktinfo *)CMSG_DATA(header);
    memset(sources[i], 0, sizeof *sources[i]);
  }

  uint64_t sent = 0, refused = 0;
  const double began = now_us();
  double now = began;
  while (now - began < run_us) {
    if ((double)sent < (now - began) * per_second / 1e6) {
      for (int i = 0; i < BATCH; i++) {
        make(frames[i], secured);
        sources[i]->ipi_spec_dst.s_addr = htonl(FIRST_ADDRESS + (uint32_t)(draw() % addresses));
      }
      int left = sendmmsg(fds[draw() % (uint64_t)sockets], messages, BATCH, 0);
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
