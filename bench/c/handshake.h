/*
 * What the programs in C of this folder share: the clear frames of a handshake as docs/PROTOCOL.md, section 2, has them, byte for byte,
 * and random numbers. Ids and tags are the 8 bytes as they stand in a frame: nothing is done with them but to compare.
 */
#ifndef FIRSTFRAME_HANDSHAKE_H
#define FIRSTFRAME_HANDSHAKE_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>

enum { START = 1, START_ACK = 2, START_CONFIRM = 3, ERROR = 4, RETRY = 5, READY = 6, PING = 7, PONG = 8, BYE = 9, BYE_ACK = 10, RESET = 11 };
enum { VERSIONS_TLV = 1, COOKIE_TLV = 2, RESET_TOKEN_TLV = 3, ERROR_CODE_TLV = 5, STREAM_NAME_TLV = 8, SSRC_TLV = 9, SDP_TLV = 10 };
enum { LARGEST_TLV = 12, NONCE_TLV = 13, PADDING_TLV = 0x7fff };
enum { CONTROL = 0x0c, MEDIA = 0x80, VERSION = 1, ACK_REQUIRED = 1 };
enum { HEADER = 24, TLV_HEADER = 4, TRAILER = 4, FRAME_MIN = HEADER + TRAILER, FRAME_MAX = 1200 };
enum { START_BYTES = 256, ACK_BYTES = 56, PADDED_BYTES = 72, COOKIE_BYTES = 20, TOKEN_BYTES = 16, DATAGRAM_MAX = 2048 };

static uint32_t crc_table[8][256];

static inline void make_crc_table(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320u ^ (crc >> 1) : crc >> 1;
    crc_table[0][i] = crc;
  }
  for (int slice = 1; slice < 8; slice++)
    for (int i = 0; i < 256; i++) crc_table[slice][i] = (crc_table[slice - 1][i] >> 8) ^ crc_table[0][crc_table[slice - 1][i] & 0xff];
}

/* CRC-32 (ISO-HDLC), eight bytes at a time, on a little-endian machine. */
static inline uint32_t crc_of(const uint8_t *bytes, size_t length) {
  uint32_t crc = 0xffffffffu;
  for (; length >= 8; length -= 8, bytes += 8) {
    uint32_t low, high;
    memcpy(&low, bytes, 4);
    memcpy(&high, bytes + 4, 4);
    low ^= crc;
    crc = crc_table[7][low & 0xff] ^ crc_table[6][(low >> 8) & 0xff] ^ crc_table[5][(low >> 16) & 0xff] ^ crc_table[4][low >> 24] ^
          crc_table[3][high & 0xff] ^ crc_table[2][(high >> 8) & 0xff] ^ crc_table[1][(high >> 16) & 0xff] ^ crc_table[0][high >> 24];
  }
  while (length-- > 0) crc = crc_table[0][(crc ^ *bytes++) & 0xff] ^ (crc >> 8);
  return ~crc;
}

static inline uint64_t id_at(const uint8_t *frame, size_t offset) {
  uint64_t id;
  memcpy(&id, frame + offset, 8);
  return id;
}

static inline uint64_t stream_id_of(const uint8_t *frame) { return id_at(frame, 4); }
static inline uint64_t tag_of(const uint8_t *frame) { return id_at(frame, 12); }
static inline uint8_t attempt_of(const uint8_t *frame) { return frame[20]; }

/* A frame is begun, gets its TLVs in the order of their types, and is finished. Each returns where the next byte goes. */
static inline size_t begin(uint8_t *frame, uint8_t type, uint8_t flags, uint64_t stream_id, uint64_t tag, uint8_t attempt) {
  frame[0] = CONTROL;
  frame[1] = VERSION;
  frame[2] = type;
  frame[3] = flags;
  memcpy(frame + 4, &stream_id, 8);
  memcpy(frame + 12, &tag, 8);
  frame[20] = attempt;
  frame[21] = 0;
  return HEADER;
}

static inline size_t tlv(uint8_t *frame, size_t at, uint16_t type, const void *value, size_t length) {
  frame[at] = (uint8_t)(type >> 8);
  frame[at + 1] = (uint8_t)type;
  frame[at + 2] = (uint8_t)(length >> 8);
  frame[at + 3] = (uint8_t)length;
  if (value == NULL) memset(frame + at + TLV_HEADER, 0, length);
  else memcpy(frame + at + TLV_HEADER, value, length);
  return at + TLV_HEADER + length;
}

/* @param bytes at least, with PADDING if it lacks any. Returns the frame's length. */
static inline size_t finish(uint8_t *frame, size_t at, size_t bytes) {
  if (at + TRAILER < bytes) {
    size_t lacks = bytes - TRAILER - at;
    at = tlv(frame, at, PADDING_TLV, NULL, lacks < TLV_HEADER ? 0 : lacks - TLV_HEADER);
  }
  frame[22] = (uint8_t)((at - HEADER) >> 8);
  frame[23] = (uint8_t)(at - HEADER);
  uint32_t crc = htonl(crc_of(frame, at));
  memcpy(frame + at, &crc, TRAILER);
  return at + TRAILER;
}

/* @param cookie of a RETRY, or NULL. @param name of the stream, or NULL. */
static inline size_t make_start(uint8_t *frame, uint64_t stream_id, uint8_t attempt, const uint8_t *cookie, const char *name) {
  const uint8_t version = VERSION;
  size_t at = begin(frame, START, ACK_REQUIRED, stream_id, 0, attempt);
  at = tlv(frame, at, VERSIONS_TLV, &version, 1);
  if (cookie != NULL) at = tlv(frame, at, COOKIE_TLV, cookie, COOKIE_BYTES);
  if (name != NULL) at = tlv(frame, at, STREAM_NAME_TLV, name, strlen(name));
  return finish(frame, at, START_BYTES);
}

static inline size_t make_start_ack(uint8_t *frame, uint64_t stream_id, uint64_t tag, uint8_t attempt, const uint8_t *token, uint32_t ssrc) {
  size_t at = begin(frame, START_ACK, ACK_REQUIRED, stream_id, tag, attempt);
  at = tlv(frame, at, RESET_TOKEN_TLV, token, TOKEN_BYTES);
  return finish(frame, tlv(frame, at, SSRC_TLV, &ssrc, 4), 0);
}

static inline size_t make_confirm(uint8_t *frame, uint64_t stream_id, uint64_t tag) {
  return finish(frame, begin(frame, START_CONFIRM, 0, stream_id, tag, 0), PADDED_BYTES);
}

static inline size_t make_ready(uint8_t *frame, uint64_t stream_id, uint64_t tag, const char *sdp, size_t length) {
  return finish(frame, tlv(frame, begin(frame, READY, 0, stream_id, tag, 0), SDP_TLV, sdp, length), 0);
}

static inline size_t make_ping(uint8_t *frame, uint64_t stream_id, uint64_t tag, uint64_t nonce) {
  return finish(frame, tlv(frame, begin(frame, PING, 0, stream_id, tag, 0), NONCE_TLV, &nonce, 8), PADDED_BYTES);
}

/* @param nonce the 8 bytes of the PING. @param largest datagram that came since the PONG before, in bytes. */
static inline size_t make_pong(uint8_t *frame, uint64_t stream_id, uint64_t tag, const uint8_t *nonce, uint16_t largest) {
  const uint8_t bytes[2] = {(uint8_t)(largest >> 8), (uint8_t)largest};
  size_t at = tlv(frame, begin(frame, PONG, 0, stream_id, tag, 0), LARGEST_TLV, bytes, sizeof bytes);
  return finish(frame, tlv(frame, at, NONCE_TLV, nonce, 8), 0);
}

static inline size_t make_bye(uint8_t *frame, uint64_t stream_id, uint64_t tag) {
  const uint8_t no_error[2] = {0, 0};
  return finish(frame, tlv(frame, begin(frame, BYE, 0, stream_id, tag, 0), ERROR_CODE_TLV, no_error, 2), PADDED_BYTES);
}

static inline size_t make_bye_ack(uint8_t *frame, uint64_t stream_id, uint64_t tag) {
  return finish(frame, begin(frame, BYE_ACK, 0, stream_id, tag, 0), 0);
}

/* The TLV of this type, if the frame has it with so many bytes; walks all of them, as lengths of strangers are not to be believed. */
static inline const uint8_t *find_tlv(const uint8_t *frame, size_t length, uint16_t type, size_t bytes) {
  const uint8_t *found = NULL;
  size_t at = HEADER, end = length - TRAILER;
  while (at + TLV_HEADER <= end) {
    size_t size = ((size_t)frame[at + 2] << 8) | frame[at + 3];
    if (at + TLV_HEADER + size > end) return NULL;
    if (((frame[at] & 0x7f) << 8 | frame[at + 1]) == type && size == bytes) found = frame + at + TLV_HEADER;
    at += TLV_HEADER + size;
  }
  return at == end ? found : NULL;
}

/* A control frame of this version whose lengths and CRC are right. */
static inline int is_control(const uint8_t *frame, size_t length) {
  if (length < FRAME_MIN || length > FRAME_MAX || frame[0] != CONTROL || frame[1] != VERSION || frame[21] != 0) return 0;
  if ((((size_t)frame[22] << 8) | frame[23]) != length - FRAME_MIN) return 0;
  uint32_t crc;
  memcpy(&crc, frame + length - TRAILER, TRAILER);
  return ntohl(crc) == crc_of(frame, length - TRAILER);
}

static inline int is_frame(const uint8_t *frame, ssize_t length, uint8_t type) {
  return length > 0 && is_control(frame, (size_t)length) && frame[2] == type;
}

static inline void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

/* The system's random bytes, fetched by the page as the camera in Node fetches them. */
static inline uint64_t random_id(void) {
  static uint64_t pool[512];
  static size_t used = 512;
  for (;;) {
    if (used == 512) {
      if (getrandom(pool, sizeof pool, 0) != (ssize_t)sizeof pool) fail("getrandom");
      used = 0;
    }
    uint64_t id = pool[used];
    pool[used++] = 0;
    if (id != 0) return id;
  }
}

static inline double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return 1e6 * (double)time.tv_sec + (double)time.tv_nsec / 1e3;
}

#endif
