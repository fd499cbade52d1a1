/* The network, in tiers that give the box its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

static int connect_errno(int family, int type, const char* address, int port) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)port)};
  const bool is_v4 = family == AF_INET;
  inet_pton(family, address, is_v4 ? (void*)&v4.sin_addr : (void*)&v6.sin6_addr);
  const int client = socket(family, type | SOCK_CLOEXEC, 0);
  if (client < 0) return errno;
  const int done = is_v4 ? connect(client, (struct sockaddr*)&v4, sizeof v4)
                         : connect(client, (struct sockaddr*)&v6, sizeof v6);
  const int error = done == 0 ? 0 : errno;
  close(client);
  return error;
}

/* The selftest listens there on the host while this runs. */
void try_host_loopback(const struct facts* facts) {
  const char* v4 = fact(facts, "port4");
  const char* v6 = fact(facts, "port6");
  struct tally tally = {0};
  if (v4) count(&tally, connect_errno(AF_INET, SOCK_STREAM, "127.0.0.1", atoi(v4)) == 0, "127.0.0.1");
  if (v6) count(&tally, connect_errno(AF_INET6, SOCK_STREAM, "::1", atoi(v6)) == 0, "::1");
  conclude(&tally, "listeners", "nothing listens on the host");
}

/* Connecting a datagram socket sends nothing, it only asks for a route. Addresses for documentation: RFC 5737,
 * RFC 3849. */
void try_routes(const struct facts* facts) {
  if (!fact(facts, "offline")) {
    untried("this box has a network");
    return;
  }
  static char text[4096];
  struct tally tally = {0};
  count(&tally, connect_errno(AF_INET, SOCK_DGRAM, "192.0.2.1", 9) == 0, "a route for IPv4");
  count(&tally, connect_errno(AF_INET6, SOCK_DGRAM, "2001:db8::1", 9) == 0, "a route for IPv6");
  if (read_start("/proc/net/dev", text, sizeof text) > 0) {
    char* rest = text;
    for (char* line; (line = strsep(&rest, "\n"));) {
      char* colon = strchr(line, ':');
      if (!colon) continue;
      *colon = '\0';
      while (*line == ' ') ++line;
      count(&tally, strcmp(line, "lo") != 0, line);
    }
  }
  conclude(&tally, "routes and interfaces", "");
}
