/* The network, in tiers with a gateway: destinations that it must refuse, and names. Nothing here says "held" for good:
 * claudebox also wants to hear from the gateway that it refused each of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

enum { kMaxDestinations = 128, kWaitMs = 1000, kDns = 53, kRefused = 5 };

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

/* Its length, or 0. */
static socklen_t parse_address(const char* text, int port, union address* out) {
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons((unsigned short)port);
    return sizeof out->v4;
  }
  if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) != 1) return 0;
  out->v6.sin6_family = AF_INET6;
  out->v6.sin6_port = htons((unsigned short)port);
  if (IN6_IS_ADDR_LINKLOCAL(&out->v6.sin6_addr)) out->v6.sin6_scope_id = if_nametoindex("tun0");
  return sizeof out->v6;
}

/* To a link-local destination the kernel would take a link-local source, and the gateway drops what comes from another
 * address than the box's without a word. */
static void bind_to_own(int client, const union address* peer, const char* own) {
  union address source;
  if (peer->any.sa_family != AF_INET6 || !IN6_IS_ADDR_LINKLOCAL(&peer->v6.sin6_addr) || !own) return;
  const socklen_t length = parse_address(own, 0, &source);
  if (length > 0 && bind(client, &source.any, length) < 0) errno = 0;
}

struct destination {
  const char* text; /* "tcp 192.0.2.1 9" */
  bool tcp;
  int client;
  int error; /* 0: it answered */
};

/* Begins one; what fails at once is known at once. */
static void begin(struct destination* one, const char* own) {
  char protocol[8];
  char text[INET6_ADDRSTRLEN];
  int port = 0;
  union address peer;
  one->client = -1;
  one->error = EINVAL;
  if (sscanf(one->text, "%7s %45s %d", protocol, text, &port) != 3) return;
  const socklen_t length = parse_address(text, port, &peer);
  if (length == 0) return;
  one->tcp = strcmp(protocol, "tcp") == 0;
  one->client =
      socket(peer.any.sa_family, (one->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  one->error = errno;
  if (one->client < 0) return;
  bind_to_own(one->client, &peer, own);
  const bool connected = connect(one->client, &peer.any, length) == 0;
  one->error = connected ? 0 : errno;
  if (!one->tcp && connected) one->error = send(one->client, "?", 1, 0) == 1 ? EINPROGRESS : errno;
  if (one->error != EINPROGRESS) {
    close(one->client);
    one->client = -1;
  }
}

/* What came of it, where poll says that something did. */
static int finish(const struct destination* one) {
  char byte;
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(one->client, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
  if (error == 0 && !one->tcp && recv(one->client, &byte, 1, 0) < 0) error = errno;
  return error;
}

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* All at the same time, since those that are not refused take the whole time. */
static void wait_for_all(struct destination* all, int number) {
  const long until = milliseconds() + kWaitMs;
  struct pollfd wanted[kMaxDestinations];
  for (long left = kWaitMs; left > 0; left = until - milliseconds()) {
    int open = 0;
    for (int i = 0; i < number; ++i) {
      wanted[i] = (struct pollfd){.fd = all[i].client, .events = all[i].tcp ? POLLOUT : POLLIN};
      open += all[i].client >= 0;
    }
    if (open == 0 || poll(wanted, (nfds_t)number, (int)left) <= 0) break;
    for (int i = 0; i < number; ++i) {
      if (all[i].client < 0 || wanted[i].revents == 0) continue;
      all[i].error = finish(&all[i]);
      close(all[i].client);
      all[i].client = -1;
    }
  }
}

static void try_destinations(const struct facts* facts, const char* key, const char* nothing) {
  static struct destination all[kMaxDestinations];
  int number = 0;
  int at = 0;
  for (const char* text; number < kMaxDestinations && (text = next_fact(facts, key, &at));) {
    all[number].text = text;
    begin(&all[number++], fact(facts, "own6"));
  }
  wait_for_all(all, number);
  struct tally tally = {0};
  for (int i = 0; i < number; ++i) {
    /* A refusal of somebody's is an answer, too. */
    count(&tally, all[i].error == 0 || all[i].error == ECONNREFUSED, all[i].text);
    if (all[i].client >= 0) close(all[i].client);
  }
  conclude(&tally, "destinations", nothing);
}

void try_own_addresses(const struct facts* facts) {
  try_destinations(facts, "network.own", "this machine has none but loopback");
}

void try_near_addresses(const struct facts* facts) {
  try_destinations(facts, "network.near", "this machine has none");
}

void try_private_addresses(const struct facts* facts) {
  try_destinations(facts, "network.private", "all of them are granted");
}

void try_metadata(const struct facts* facts) {
  try_destinations(facts, "network.metadata", "this box has no gateway");
}

void try_slirp(const struct facts* facts) {
  try_destinations(facts, "network.slirp", "nothing listens on the host");
}

void try_ungranted(const struct facts* facts) {
  try_destinations(facts, "network.ungranted", "everything public is granted");
}

void try_name_servers(const struct facts* facts) {
  try_destinations(facts, "names.servers", "everything public is granted");
}

/* The query for the addresses of `name`, RFC 1035 section 4. Its length, or 0. */
static size_t write_query(unsigned char* message, size_t size, const char* name, int type) {
  static const unsigned char kHeader[12] = {0xcb, 0x0c, 1, 0, 0, 1};
  const size_t length = strlen(name);
  if (sizeof kHeader + length + 6 > size) return 0;
  memcpy(message, kHeader, sizeof kHeader);
  unsigned char* at = message + sizeof kHeader;
  for (const char* label = name; *label;) {
    const size_t part = strcspn(label, ".");
    *at++ = (unsigned char)part;
    memcpy(at, label, part);
    at += part;
    label += part + (label[part] == '.');
  }
  const unsigned char end[5] = {0, 0, (unsigned char)type, 0, 1};
  memcpy(at, end, sizeof end);
  return (size_t)(at - message) + sizeof end;
}

/* Asks the box's name server. The response code, or -1. */
static int look_up(const char* resolver, const char* name, int type) {
  union address server;
  unsigned char message[512];
  const socklen_t length = parse_address(resolver, kDns, &server);
  const size_t size = write_query(message, sizeof message, name, type);
  if (length == 0 || size == 0) return -1;
  const int client = socket(server.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const struct timeval limit = {.tv_sec = kWaitMs / 1000 + 2}; /* a busy machine */
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ssize_t got = -1;
  if (connect(client, &server.any, length) == 0 && send(client, message, size, 0) == (ssize_t)size)
    got = recv(client, message, sizeof message, 0);
  close(client);
  return got >= 12 ? message[3] & 0x0f : -1;
}

static void try_name(const struct facts* facts, const char* key, const char* nothing) {
  const char* resolver = fact(facts, "resolver");
  const char* name = fact(facts, key);
  if (!resolver || !name) {
    untried("%s", nothing);
    return;
  }
  static const int kTypes[] = {1, 28};
  for (int i = 0; i < 2; ++i) {
    const int code = look_up(resolver, name, kTypes[i]);
    if (code < 0) {
      untried("the box's name server does not answer");
      return;
    }
    if (code != kRefused) {
      broken("the answer for %s has the code %d and not REFUSED", name, code);
      return;
    }
  }
  held("REFUSED for A and AAAA");
}

void try_private_name(const struct facts* facts) {
  try_name(facts, "names.private", "this box has no name server");
}

void try_ungranted_name(const struct facts* facts) {
  try_name(facts, "names.ungranted", "every name may be looked up");
}
