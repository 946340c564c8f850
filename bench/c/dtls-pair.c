/*
 * Camera and viewers over DTLS 1.2 with OpenSSL, for `firstframe bench compare`. How it is spoken to: bench/compare/program.ts.
 *
 *     dtls-pair camera ADDRESS KEY CERTIFICATE DATAGRAMS
 *     dtls-pair viewers ADDRESS PORT NAME CERTIFICATE
 *
 * As fast as DTLS can be and still confirm the viewer's address: no cookie, and media goes out with the server's Finished. Nothing repeats
 * media, and a viewer that misses that Finished misses the key frame: the camera goes on with a datagram every FRAME_MS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MEDIA_BYTES = 1200, LINK_MTU = 1472, DATAGRAM_MAX = 2048, VIEWERS_MAX = 4096, PORTS = 65536, TICK_MS = 1, FRAME_MS = 33, OPEN_MAX = 65536 };

static void fail(const char *what) {
  fprintf(stderr, "dtls-pair: %s: %s\n", what, errno == 0 ? "no" : strerror(errno));
  ERR_print_errors_fp(stderr);
  exit(1);
}

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* ---- The camera: one socket for all, so that there is a BIO for each viewer that reads what the loop gave it. */

struct session {
  SSL *ssl;
  struct sockaddr_in to;
  const uint8_t *given;
  int given_length;
  int streaming, open_at;
  int64_t next_ms;
};

static int camera_fd;
static struct session *by_port[PORTS]; /* All viewers have one address. */
static struct session *open_sessions[OPEN_MAX];
static int open_count;

static int session_write(BIO *bio, const char *bytes, int length) {
  struct session *session = BIO_get_data(bio);
  /* What the system does not take is lost, as on a link. */
  (void)!sendto(camera_fd, bytes, (size_t)length, 0, (struct sockaddr *)&session->to, sizeof session->to);
  return length;
}

static int session_read(BIO *bio, char *bytes, int size) {
  struct session *session = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (session->given == NULL) {
    BIO_set_retry_read(bio);
    return -1;
  }
  int length = session->given_length < size ? session->given_length : size;
  memcpy(bytes, session->given, (size_t)length);
  session->given = NULL;
  return length;
}

static long session_control(BIO *bio, int command, long number, void *pointer) {
  (void)bio, (void)number, (void)pointer;
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
      return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
      return LINK_MTU;
    default:
      return 0;
  }
}

static BIO_METHOD *session_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "viewer");
  BIO_meth_set_write(method, session_write);
  BIO_meth_set_read(method, session_read);
  BIO_meth_set_ctrl(method, session_control);
  return method;
}

static void set_mtu(SSL *ssl) {
  SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
  SSL_set_mtu(ssl, LINK_MTU);
}

static void end_session(struct session *session) {
  by_port[ntohs(session->to.sin_port)] = NULL;
  open_sessions[session->open_at] = open_sessions[--open_count];
  open_sessions[session->open_at]->open_at = session->open_at;
  SSL_free(session->ssl);
  free(session);
}

static struct session *begin_session(SSL_CTX *context, BIO_METHOD *method, const struct sockaddr_in *to) {
  struct session *session = calloc(1, sizeof *session);
  if (session == NULL || open_count == OPEN_MAX) fail("too many viewers");
  session->to = *to;
  session->ssl = SSL_new(context);
  BIO *bio = BIO_new(method);
  BIO_set_data(bio, session);
  BIO_set_init(bio, 1);
  SSL_set_bio(session->ssl, bio, bio);
  set_mtu(session->ssl);
  SSL_set_accept_state(session->ssl);
  session->open_at = open_count;
  open_sessions[open_count++] = session;
  return by_port[ntohs(to->sin_port)] = session;
}

/* A record of type handshake and epoch 0, and in it the message of type 1. */
static int is_client_hello(const uint8_t *bytes, ssize_t length) {
  return length > 13 && bytes[0] == 22 && bytes[3] == 0 && bytes[4] == 0 && bytes[13] == 1;
}

static void send_media(struct session *session, int datagrams) {
  static const uint8_t media[MEDIA_BYTES];
  for (int i = 0; i < datagrams; i++) SSL_write(session->ssl, media, sizeof media);
  session->next_ms = now_ms() + FRAME_MS;
}

static void hear_viewer(struct session *session, const uint8_t *bytes, int length, int datagrams) {
  uint8_t plain[DATAGRAM_MAX];
  session->given = bytes;
  session->given_length = length;
  ERR_clear_error();
  int result = SSL_read(session->ssl, plain, sizeof plain);
  int error = SSL_get_error(session->ssl, result);
  if (!session->streaming && SSL_is_init_finished(session->ssl)) {
    session->streaming = 1;
    send_media(session, datagrams);
  }
  if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ) end_session(session);
}

static void camera(const char *address, const char *key, const char *certificate, int datagrams) {
  SSL_CTX *context = SSL_CTX_new(DTLS_server_method());
  if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1) fail(certificate);
  if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) fail(key);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  BIO_METHOD *method = session_method();
  struct sockaddr_in own = {.sin_family = AF_INET}, from;
  socklen_t size = sizeof own;
  inet_pton(AF_INET, address, &own.sin_addr);
  camera_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  int buffer = 4 << 20;
  setsockopt(camera_fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (bind(camera_fd, (struct sockaddr *)&own, sizeof own) < 0) fail("bind");
  getsockname(camera_fd, (struct sockaddr *)&own, &size);
  printf("port %d\n", ntohs(own.sin_port));
  for (;;) {
    struct pollfd polled[2] = {{0, POLLIN, 0}, {camera_fd, POLLIN, 0}};
    poll(polled, 2, open_count == 0 ? -1 : TICK_MS);
    uint8_t bytes[DATAGRAM_MAX];
    if (polled[0].revents != 0 && read(0, bytes, sizeof bytes) <= 0) return;
    for (;;) {
      size = sizeof from;
      ssize_t length = recvfrom(camera_fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
      if (length < 0) break;
      struct session *session = by_port[ntohs(from.sin_port)];
      if (is_client_hello(bytes, length) && (session == NULL || session->streaming)) {
        /* The viewer before on this port left, and its alert was lost. */
        if (session != NULL) end_session(session);
        session = begin_session(context, method, &from);
      }
      if (session != NULL) hear_viewer(session, bytes, (int)length, datagrams);
    }
    int64_t now = now_ms();
    for (int i = open_count - 1; i >= 0; i--) {
      struct session *session = open_sessions[i];
      DTLSv1_handle_timeout(session->ssl);
      if (session->streaming && now >= session->next_ms) send_media(session, 1);
    }
  }
}

/* ---- The viewers: a socket each. */

struct viewer {
  char id[24];
  int fd;
  SSL *ssl;
  int told;
};

static struct viewer viewers[VIEWERS_MAX];
static int viewer_count;

static void end_viewer(int index, int notify) {
  if (notify) SSL_shutdown(viewers[index].ssl);
  SSL_free(viewers[index].ssl);
  close(viewers[index].fd);
  viewers[index] = viewers[--viewer_count];
}

static void step_viewer(int index) {
  struct viewer *viewer = &viewers[index];
  uint8_t plain[DATAGRAM_MAX];
  int result;
  ERR_clear_error();
  /* Until nothing is left: what came before Finished waits in OpenSSL, not in the socket. */
  while ((result = SSL_read(viewer->ssl, plain, sizeof plain)) > 0) {
    if (result < MEDIA_BYTES || viewer->told) continue;
    viewer->told = 1;
    printf("media %s\n", viewer->id);
  }
  int error = SSL_get_error(viewer->ssl, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  if (!viewer->told) printf("failed %s DTLS error %d\n", viewer->id, error);
  end_viewer(index, 0);
}

static void begin_viewer(SSL_CTX *context, const char *id, const char *name, const struct sockaddr_in *to) {
  if (viewer_count == VIEWERS_MAX) {
    printf("failed %s too many viewers\n", id);
    return;
  }
  struct viewer *viewer = &viewers[viewer_count];
  memset(viewer, 0, sizeof *viewer);
  snprintf(viewer->id, sizeof viewer->id, "%s", id);
  viewer->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (viewer->fd < 0 || connect(viewer->fd, (const struct sockaddr *)to, sizeof *to) < 0) fail("a socket");
  viewer->ssl = SSL_new(context);
  BIO *bio = BIO_new_dgram(viewer->fd, BIO_NOCLOSE);
  BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, (void *)to);
  SSL_set_bio(viewer->ssl, bio, bio);
  set_mtu(viewer->ssl);
  SSL_set_tlsext_host_name(viewer->ssl, name);
  SSL_set1_host(viewer->ssl, name);
  SSL_set_connect_state(viewer->ssl);
  step_viewer(viewer_count++);
}

/* Reads commands. @returns 0 when there will be no more. */
static int obey_stdin(SSL_CTX *context, const char *name, const struct sockaddr_in *to) {
  static char text[8192];
  static size_t length;
  ssize_t got = read(0, text + length, sizeof text - 1 - length);
  if (got <= 0) return 0;
  length += (size_t)got;
  text[length] = 0;
  for (char *end; (end = strchr(text, '\n')) != NULL;) {
    char word[16], id[24];
    *end = 0;
    if (sscanf(text, "%15s %23s", word, id) == 2) {
      if (strcmp(word, "watch") == 0) begin_viewer(context, id, name, to);
      for (int i = 0; strcmp(word, "leave") == 0 && i < viewer_count; i++) {
        if (strcmp(viewers[i].id, id) != 0) continue;
        end_viewer(i, 1);
        break;
      }
    }
    length -= (size_t)(end + 1 - text);
    memmove(text, end + 1, length + 1);
  }
  return 1;
}

static void watch(const char *address, const char *port, const char *name, const char *certificate) {
  SSL_CTX *context = SSL_CTX_new(DTLS_client_method());
  if (SSL_CTX_load_verify_locations(context, certificate, NULL) != 1) fail(certificate);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  inet_pton(AF_INET, address, &to.sin_addr);
  static struct pollfd polled[VIEWERS_MAX + 1];
  for (;;) {
    polled[0] = (struct pollfd){0, POLLIN, 0};
    for (int i = 0; i < viewer_count; i++) polled[i + 1] = (struct pollfd){viewers[i].fd, POLLIN, 0};
    poll(polled, (nfds_t)viewer_count + 1, viewer_count == 0 ? -1 : TICK_MS);
    /* From the last one: one that ends is replaced by the last, which had its turn. */
    for (int i = viewer_count - 1; i >= 0; i--) {
      int waited = DTLSv1_handle_timeout(viewers[i].ssl);
      if (polled[i + 1].revents != 0 || waited > 0) step_viewer(i);
    }
    if (polled[0].revents != 0 && !obey_stdin(context, name, &to)) return;
  }
}

int main(int count, char **words) {
  /* Ctrl-C is for the process that started this one to act on; it then closes stdin. */
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (count == 6 && strcmp(words[1], "camera") == 0) {
    camera(words[2], words[3], words[4], atoi(words[5]));
  } else if (count == 6 && strcmp(words[1], "viewers") == 0) {
    watch(words[2], words[3], words[4], words[5]);
  } else {
    fprintf(stderr, "usage: dtls-pair camera ADDRESS KEY CERTIFICATE DATAGRAMS | viewers ADDRESS PORT NAME CERTIFICATE\n");
    return 2;
  }
  return 0;
}
