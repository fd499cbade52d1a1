// Starts many programs at once. Each says a line when it is up, and lives until its standard input ends.
//
//   crowd SPEC.json
//
// SPEC: {"cases": [PROGRAM, ...]}, each as in program.h. Prints {"ms": until the last was up, "pids": [...]}, waits for a
// line, ends them all and prints {"failed": how many were never up or ended badly}.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <list>

#include "program.h"

namespace {

using nlohmann::ordered_json;

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (::pipe2(ends, O_CLOEXEC) < 0) throw std::runtime_error("no more pipes: ulimit -n");
  }
};

struct Member {
  Pipe input, output;
  bench::Program program;
  pid_t pid = -1;
  bool up = false;

  explicit Member(const ordered_json& spec) : program(spec, {input.ends[0], output.ends[1], STDERR_FILENO}) {}

  void start() {
    pid = program.start();
    ::close(input.ends[0]);
    ::close(output.ends[1]);
  }
  void wait_until_up() {
    char byte = 0;
    while (::read(output.ends[0], &byte, 1) == 1 && byte != '\n') {
    }
    up = byte == '\n';
  }
  bool end() {
    ::close(input.ends[1]);
    int status = -1;
    if (pid > 0) ::waitpid(pid, &status, 0);
    return up && status == 0;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: crowd SPEC.json\n", stderr);
    return 2;
  }
  std::ifstream file(argv[1]);
  const ordered_json spec = ordered_json::parse(file);
  std::list<Member> members;
  for (const auto& one : spec.at("cases")) members.emplace_back(one);

  const auto start = std::chrono::steady_clock::now();
  for (auto& member : members) member.start();
  for (auto& member : members) member.wait_until_up();
  const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start;
  ordered_json pids = ordered_json::array();
  for (const auto& member : members) pids.push_back(member.pid);
  std::cout << ordered_json{{"ms", passed.count()}, {"pids", pids}}.dump() << std::endl;

  std::string line;
  std::getline(std::cin, line);
  int failed = 0;
  for (auto& member : members)
    if (!member.end()) ++failed;
  std::cout << ordered_json{{"failed", failed}}.dump() << std::endl;
}
