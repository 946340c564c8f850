/*
 * A link between two network namespaces that goes for every protocol alike: each has a TUN device, and this process carries packets
 * from one to the other, later by a fixed delay, and loses some by seed. `tc netem` does the same where a kernel has it.
 *
 *     tun-link CAMERA_ADDRESS VIEWER_ADDRESS
 *
 * makes both namespaces, which have no names and are gone when the last process in them is: nothing has to be cleaned up. Says
 *
 *     ready PID CAMERA_FD VIEWER_FD
 *
 * (`nsenter --net=/proc/PID/fd/FD` enters one), then obeys lines on stdin until it is closed:
 *
 *     set LOSS_PPM DELAY_US SEED    from now on, both ways; forgets packets and counters; answers `ok`
 *     stats                         answers with the counters, see answer_stats()
 *
 * Of each direction, packet number i is lost or not by the seed alone.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1500, HELD_MAX = 16384, BURST = 64, QUEUE = 16384, LATE_US_MAX = 20000 };

struct packet {
  int64_t due_ns;
  uint16_t length;
  uint8_t bytes[MTU + 36];
};

/* One direction. What is held lies in a ring: the delay is the same for all, so that the first in is the first out. */
struct lane {
  int from, to;
  struct packet *ring;
  uint32_t first, held;
  uint64_t random;
  uint64_t packets, bytes, lost, overflown, unwritten;
};

static struct lane lanes[2]; /* 0: to the camera, 1: to the viewer */
static uint32_t loss_ppm;
static int64_t delay_ns;
static uint64_t late[LATE_US_MAX + 1], late_count;
static int64_t late_max_ns;

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* splitmix64: every seed is as good as another. */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static void write_setting(const char *path, const char *value) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return;
  if (write(fd, value, strlen(value)) < 0) fprintf(stderr, "%s: %s\n", path, strerror(errno));
  close(fd);
}

static void set_address(int fd, unsigned long request, struct ifreq *device, const char *address) {
  struct sockaddr_in in = {.sin_family = AF_INET};
  if (inet_pton(AF_INET, address, &in.sin_addr) != 1) {
    fprintf(stderr, "%s is no IPv4 address\n", address);
    exit(1);
  }
  memcpy(&device->ifr_addr, &in, sizeof in);
  if (ioctl(fd, request, device) < 0) fail(address);
}

static void bring_up(int fd, const char *name) {
  struct ifreq device = {0};
  strcpy(device.ifr_name, name);
  device.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(fd, SIOCSIFFLAGS, &device) < 0) fail(name);
}

/* Makes a namespace with a device that has this address, and goes into it. The namespace is held by *namespace_fd. */
static int make_end(const char *address, const char *peer, int *namespace_fd) {
  if (unshare(CLONE_NEWNET) < 0) fail("a network namespace");
  *namespace_fd = open("/proc/self/ns/net", O_RDONLY);
  if (*namespace_fd < 0) fail("/proc/self/ns/net");
  /* No neighbour discovery on the link; and no memory of earlier connections: every viewer is a stranger. */
  write_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
  write_setting("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  write_setting("/proc/sys/net/ipv4/tcp_no_metrics_save", "1");
  int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (tun < 0) fail("/dev/net/tun");
  struct ifreq device = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strcpy(device.ifr_name, "link0");
  if (ioctl(tun, TUNSETIFF, &device) < 0) fail("a TUN device");
  int control = socket(AF_INET, SOCK_DGRAM, 0);
  if (control < 0) fail("socket");
  set_address(control, SIOCSIFADDR, &device, address);
  set_address(control, SIOCSIFDSTADDR, &device, peer);
  device.ifr_qlen = QUEUE;
  if (ioctl(control, SIOCSIFTXQLEN, &device) < 0) fail("the device's queue");
  bring_up(control, "link0");
  bring_up(control, "lo");
  close(control);
  return tun;
}

static void reset(uint64_t seed) {
  for (int i = 0; i < 2; i++) {
    struct lane *lane = &lanes[i];
    lane->first = lane->held = 0;
    lane->packets = lane->bytes = lane->lost = lane->overflown = lane->unwritten = 0;
    lane->random = 2 * seed + (uint64_t)i;
  }
  memset(late, 0, sizeof late);
  late_count = 0;
  late_max_ns = 0;
}

static void take_in(struct lane *lane, int64_t now) {
  uint8_t lost[MTU + 36];
  for (int i = 0; i < BURST; i++) {
    struct packet *packet = &lane->ring[(lane->first + lane->held) % HELD_MAX];
    uint8_t *bytes = lane->held < HELD_MAX ? packet->bytes : lost;
    ssize_t length = read(lane->from, bytes, sizeof lost);
    if (length <= 0) return;
    if (bytes[0] >> 4 != 4) continue;
    lane->packets++;
    lane->bytes += (uint64_t)length;
    if (next_random(&lane->random) % 1000000 < loss_ppm) {
      lane->lost++;
    } else if (bytes == lost) {
      lane->overflown++;
    } else {
      packet->due_ns = now + delay_ns;
      packet->length = (uint16_t)length;
      lane->held++;
    }
  }
}

static void let_go(struct lane *lane, int64_t now) {
  while (lane->held > 0) {
    struct packet *packet = &lane->ring[lane->first];
    int64_t late_ns = now - packet->due_ns;
    if (late_ns < 0) return;
    if (write(lane->to, packet->bytes, packet->length) < 0) lane->unwritten++;
    int64_t us = late_ns / 1000;
    late[us > LATE_US_MAX ? LATE_US_MAX : us]++;
    late_count++;
    if (late_ns > late_max_ns) late_max_ns = late_ns;
    lane->first = (lane->first + 1) % HELD_MAX;
    lane->held--;
  }
}

static uint32_t late_us(double fraction) {
  uint64_t seen = 0;
  for (uint32_t us = 0; us <= LATE_US_MAX; us++) {
    seen += late[us];
    if (seen > 0 && (double)seen >= fraction * (double)late_count) return us;
  }
  return 0;
}

/* Each direction: packets, bytes, lost, dropped for want of room, refused by the device. Then lateness: count, p50, p99, max in us. */
static void answer_stats(void) {
  printf("stats");
  for (int i = 0; i < 2; i++) {
    struct lane *lane = &lanes[i];
    printf(" %llu %llu %llu %llu %llu", (unsigned long long)lane->packets, (unsigned long long)lane->bytes,
           (unsigned long long)lane->lost, (unsigned long long)lane->overflown, (unsigned long long)lane->unwritten);
  }
  printf(" %llu %u %u %lld\n", (unsigned long long)late_count, late_us(0.5), late_us(0.99),
         (long long)(late_max_ns / 1000));
}

static void obey(const char *line) {
  unsigned loss, delay_us;
  unsigned long long seed;
  if (sscanf(line, "set %u %u %llu", &loss, &delay_us, &seed) == 3) {
    loss_ppm = loss;
    delay_ns = (int64_t)delay_us * 1000;
    reset(seed);
    printf("ok\n");
  } else if (strcmp(line, "stats") == 0) {
    answer_stats();
  } else {
    printf("unknown\n");
  }
}

/* Reads commands. @returns 0 when there will be no more. */
static int listen_to_stdin(void) {
  static char text[512];
  static size_t length;
  ssize_t got = read(0, text + length, sizeof text - 1 - length);
  if (got < 0) return errno == EINTR;
  if (got == 0) return 0;
  length += (size_t)got;
  text[length] = 0;
  for (char *end; (end = strchr(text, '\n')) != NULL;) {
    *end = 0;
    obey(text);
    length -= (size_t)(end + 1 - text);
    memmove(text, end + 1, length + 1);
  }
  return length < sizeof text - 1;
}

int main(int count, char **words) {
  if (count != 3) {
    fprintf(stderr, "usage: tun-link CAMERA_ADDRESS VIEWER_ADDRESS\n");
    return 2;
  }
  /* Ctrl-C is for the process that started this one to act on; when that one dies, so does this. */
  signal(SIGINT, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1);
  setvbuf(stdout, NULL, _IOLBF, 0);
  int camera_namespace, viewer_namespace;
  int camera = make_end(words[1], words[2], &camera_namespace);
  int viewer = make_end(words[2], words[1], &viewer_namespace);
  lanes[0].from = lanes[1].to = viewer;
  lanes[0].to = lanes[1].from = camera;
  for (int i = 0; i < 2; i++) {
    lanes[i].ring = calloc(HELD_MAX, sizeof(struct packet));
    if (lanes[i].ring == NULL) fail("memory");
  }
  reset(0);
  /* A link is never late because a program at its ends is busy; where that is not allowed, its lateness shows it. */
  struct sched_param priority = {.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &priority);
  printf("ready %d %d %d\n", (int)getpid(), camera_namespace, viewer_namespace);
  for (;;) {
    struct pollfd polled[3] = {{0, POLLIN, 0}, {lanes[0].from, POLLIN, 0}, {lanes[1].from, POLLIN, 0}};
    int64_t due = INT64_MAX;
    for (int i = 0; i < 2; i++) {
      if (lanes[i].held > 0 && lanes[i].ring[lanes[i].first].due_ns < due) due = lanes[i].ring[lanes[i].first].due_ns;
    }
    int64_t wait = due == INT64_MAX ? 0 : due - now_ns();
    if (wait < 0) wait = 0;
    struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    if (ppoll(polled, 3, due == INT64_MAX ? NULL : &timeout, NULL) < 0 && errno != EINTR) fail("ppoll");
    if (polled[0].revents != 0 && !listen_to_stdin()) return 0;
    int64_t now = now_ns();
    for (int i = 0; i < 2; i++) {
      if (polled[i + 1].revents & POLLIN) take_in(&lanes[i], now);
    }
    for (int i = 0; i < 2; i++) let_go(&lanes[i], now);
  }
}
