// Measures one network from inside: in a box, behind a bare slirp4netns, on the host itself. traffic_server is the other
// end.
//
//   traffic ask                  reads requests, one a line, and answers each with a line of JSON:
//     up|down ADDRESS PORT STREAMS SECONDS   megabits a second, without the first quarter of a second
//     rtt ADDRESS PORT COUNT                 one byte there and back on one connection, microseconds each
//     connect ADDRESS PORT COUNT             connect(2) alone, microseconds each, and how often it succeeded
//     lookup NAME COUNT                      an A query by UDP to the name server of /etc/resolv.conf
//     upload ADDRESS PORT STREAMS            begins a bulk upload in the background; "still" ends it
//   traffic once ADDRESS PORT    connects, says "ready", holds the connection until its standard input ends
//
// In C++, because an interpreter takes longer for one system call than what is measured here.
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "sockets.h"

namespace {

using namespace bench;
using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr auto kLeadIn = 250ms;  // windows grow

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

Socket connected(const sockaddr_in& to, char mode) {
  Socket socket(SOCK_STREAM);
  if (socket.connect(to) < 0) fail("connect");
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::write(socket.get(), &mode, 1) != 1) fail("write");
  return socket;
}

/// Moves bytes until `stop`; counts them.
void move_bytes(const Socket& socket, bool up, std::atomic<std::uint64_t>& bytes,
                const std::atomic<bool>& stop) {
  std::vector<char> buffer(kChunk);
  while (!stop) {
    const ssize_t done = up ? ::send(socket.get(), buffer.data(), buffer.size(), MSG_NOSIGNAL)
                            : ::read(socket.get(), buffer.data(), buffer.size());
    if (done <= 0) return;
    bytes += static_cast<std::uint64_t>(done);
  }
}

ordered_json throughput(bool up, const sockaddr_in& to, int streams, double seconds) {
  std::vector<Socket> sockets;
  for (int i = 0; i < streams; ++i) sockets.push_back(connected(to, up ? kSink : kSource));
  std::atomic<std::uint64_t> bytes = 0;
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (const auto& socket : sockets) threads.emplace_back([&] { move_bytes(socket, up, bytes, stop); });
  std::this_thread::sleep_for(kLeadIn);
  const auto start = Clock::now();
  const std::uint64_t before = bytes;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const std::uint64_t moved = bytes - before;
  const double took = microseconds_since(start);
  stop = true;
  for (const auto& socket : sockets) ::shutdown(socket.get(), SHUT_RDWR);
  for (auto& thread : threads) thread.join();
  return {{"mbit", static_cast<double>(moved) * 8 / took}};
}

ordered_json round_trips(const sockaddr_in& to, int count) {
  const Socket socket = connected(to, kEcho);
  std::vector<double> times;
  char byte = 0;
  for (int i = 0; i < count; ++i) {
    const auto start = Clock::now();
    if (::write(socket.get(), &byte, 1) != 1 || ::read(socket.get(), &byte, 1) != 1) fail("echo");
    times.push_back(microseconds_since(start));
  }
  return {{"us", times}};
}

ordered_json connects(const sockaddr_in& to, int count) {
  std::vector<double> times;
  int succeeded = 0;
  for (int i = 0; i < count; ++i) {
    const Socket socket(SOCK_STREAM);
    const auto start = Clock::now();
    const int result = socket.connect(to);
    times.push_back(microseconds_since(start));
    if (result == 0) ++succeeded;
  }
  return {{"us", times}, {"succeeded", succeeded}};
}

std::string name_server() {
  std::ifstream file("/etc/resolv.conf");
  for (std::string word; file >> word;)
    if (word == "nameserver" && file >> word) return word;
  throw std::runtime_error("/etc/resolv.conf names no server");
}

ordered_json lookups(const sockaddr_in& server, const std::string& name, int count) {
  std::string question;
  std::istringstream labels(name);
  for (std::string label; std::getline(labels, label, '.');)
    question += static_cast<char>(label.size()) + label;
  question += std::string("\0\0\1\0\1", 5);
  const Socket socket(SOCK_DGRAM);
  if (socket.connect(server) < 0) fail("connect");
  std::vector<double> times;
  std::array<char, 1024> answer{};
  int lost = 0;
  for (int i = 0; i < count; ++i) {
    std::string query(12, '\0');
    query[0] = static_cast<char>(i >> 8);
    query[1] = static_cast<char>(i);
    query[2] = 1;
    query[5] = 1;
    query += question;
    const auto start = Clock::now();
    if (::send(socket.get(), query.data(), query.size(), 0) < 0) fail("send");
    pollfd ready{.fd = socket.get(), .events = POLLIN, .revents = 0};
    ssize_t got = 0;
    do {  // the answer to a query that was given up may still come
      got = ::poll(&ready, 1, 2000) == 1 ? ::read(socket.get(), answer.data(), answer.size()) : -1;
    } while (got >= 2 && (answer[0] != query[0] || answer[1] != query[1]));
    if (got < 12 || (answer[3] & 15) != 0 || answer[7] == 0)
      ++lost;
    else
      times.push_back(microseconds_since(start));
  }
  return {{"us", times}, {"lost", lost}};
}

pid_t begin_upload(const sockaddr_in& to, int streams) {
  std::cout.flush();
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ordered_json ignored = throughput(true, to, streams, 3600);
    ::_exit(0);
  }
  return child;
}

void end(pid_t child) {
  if (child <= 0) return;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

void answer_requests() {
  pid_t upload = -1;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    ordered_json answer = ordered_json::object();
    if (what == "lookup") {
      std::string name;
      int count = 0;
      words >> name >> count;
      answer = lookups(address_of(name_server(), 53), name, count);
    } else if (what == "still") {
      end(std::exchange(upload, -1));
    } else {
      std::string address;
      int port = 0, count = 0;
      double seconds = 0;
      words >> address >> port >> count >> seconds;
      const auto to = address_of(address, port);
      if (what == "up" || what == "down") answer = throughput(what == "up", to, count, seconds);
      if (what == "rtt") answer = round_trips(to, count);
      if (what == "connect") answer = connects(to, count);
      if (what == "upload") upload = begin_upload(to, count);
    }
    std::cout << answer.dump() << std::endl;
  }
  end(upload);
}

void connect_once(const sockaddr_in& to) {
  const Socket socket = connected(to, kEcho);
  char byte = 0;
  if (::read(STDIN_FILENO, &byte, 0) < 0 || ::write(socket.get(), &byte, 1) != 1 ||
      ::read(socket.get(), &byte, 1) != 1)
    fail("echo");
  std::cout << "ready" << std::endl;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 3 && words[0] == "once")
      return connect_once(address_of(words[1], std::stoi(words[2]))), 0;
    if (words.size() == 1 && words[0] == "ask") return answer_requests(), 0;
  } catch (const std::exception& error) {
    std::cerr << "traffic: " << error.what() << '\n';
    return 1;
  }
  std::cerr << "usage: traffic ask | once ADDRESS PORT\n";
  return 2;
}
