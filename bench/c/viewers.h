/*
 * What programs share that are many viewers on this machine: random numbers by seed, sockets that are heard at all of 127/8, and datagrams that
 * each name the address that they leave from (IP_PKTINFO), so that few sockets are many viewers. Include it after `_GNU_SOURCE`.
 */
#ifndef FIRSTFRAME_VIEWERS_H
#define FIRSTFRAME_VIEWERS_H

#include "handshake.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { BATCH = 64, SOCKET_BUFFER = 4 << 20, CONTROL_BYTES = 256, SOURCE_BYTES = CMSG_SPACE(sizeof(struct in_pktinfo)) };

static uint64_t prng;

static inline void seed(const char *text) { prng = (strtoull(text, NULL, 10) + 1) * 0x9e3779b97f4a7c15u; }

/* xorshift64: fast, and by seed. */
static inline uint64_t draw(void) {
  prng ^= prng << 13;
  prng ^= prng >> 7;
  prng ^= prng << 17;
  return prng;
}

/* A whole number from 1; the program ends if it is none. */
static inline uint32_t argument(const char *text, uint32_t most) {
  unsigned long value = strtoul(text, NULL, 10);
  if (value < 1 || value > most) exit(2);
  return (uint32_t)value;
}

/* All of 127/8 is heard, and nothing from elsewhere; each datagram comes with the address that it was sent to. */
static inline int viewer_socket(int receive_bytes) {
  struct sockaddr_in any = {.sin_family = AF_INET};
  const int yes = 1, send_bytes = SOCKET_BUFFER;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) < 0) fail("SO_BINDTODEVICE");
  if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0) fail("bind");
  if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes) < 0) fail("IP_PKTINFO");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
  return fd;
}

/* Has a message of one part go to `peer` from an address that is written to what is returned. `control` has SOURCE_BYTES, all 0. */
static inline struct in_addr *address_message(struct msghdr *header, struct sockaddr_in *peer, struct iovec *part, void *control) {
  *header = (struct msghdr){.msg_name = peer, .msg_namelen = sizeof *peer, .msg_iov = part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = SOURCE_BYTES};
  struct cmsghdr *source = CMSG_FIRSTHDR(header);
  source->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
  source->cmsg_level = IPPROTO_IP;
  source->cmsg_type = IP_PKTINFO;
  return &((struct in_pktinfo *)CMSG_DATA(source))->ipi_spec_dst;
}

static struct inbox {
  uint8_t buffers[BATCH][DATAGRAM_MAX];
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH];
  _Alignas(struct cmsghdr) uint8_t controls[BATCH][CONTROL_BYTES];
} inbox;

/* Reads what has come to a socket into the inbox. Returns how many datagrams. */
static inline int receive(int fd) {
  for (int i = 0; i < BATCH; i++) {
    struct msghdr *header = &inbox.messages[i].msg_hdr;
    if (header->msg_iov == NULL) {
      inbox.parts[i] = (struct iovec){inbox.buffers[i], DATAGRAM_MAX};
      *header = (struct msghdr){.msg_iov = &inbox.parts[i], .msg_iovlen = 1, .msg_control = inbox.controls[i]};
    }
    header->msg_controllen = CONTROL_BYTES;
  }
  int received = recvmmsg(fd, inbox.messages, BATCH, MSG_DONTWAIT, NULL);
  if (received < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED) fail("recvmmsg");
  return received < 0 ? 0 : received;
}

#endif
