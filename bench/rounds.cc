// Measures programs from start to exit against each other: every round runs each of them once, in a new random order,
// so that whatever else the machine does falls on all of them alike.
//
//   rounds SPEC.json > RESULT.json
//
// SPEC: {"rounds": N, "warm_up": N, "cases": [{"name": "...", "argv": [...], "environment": ["A=b", ...],
//        "directory": "...", "open": [[DESCRIPTOR, "PATH"], ...]}]}
// RESULT: {"NAME": {"ms": [...], "failed": N}, ...}, one time a round.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace {

using nlohmann::ordered_json;

/// A program, with everything that its start needs prepared, so that the clock sees the start alone.
class Case {
 public:
  explicit Case(const ordered_json& spec)
      : name_(spec.at("name")), argv_(spec.at("argv")), environment_(spec.at("environment")) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addchdir_np(&actions_, spec.at("directory").get<std::string>().c_str());
    for (const int standard : {0, 1, 2})
      posix_spawn_file_actions_addopen(&actions_, standard, "/dev/null", O_RDWR, 0);
    for (const auto& file : spec.value("open", ordered_json::array()))
      posix_spawn_file_actions_addopen(&actions_, file.at(0), file.at(1).get<std::string>().c_str(), O_RDONLY,
                                       0);
    for (auto& word : argv_) argv_pointers_.push_back(word.data());
    argv_pointers_.push_back(nullptr);
    for (auto& variable : environment_) environment_pointers_.push_back(variable.data());
    environment_pointers_.push_back(nullptr);
  }
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;
  ~Case() { posix_spawn_file_actions_destroy(&actions_); }

  void run(bool count) {
    const auto start = std::chrono::steady_clock::now();
    pid_t child = -1;
    int status = -1;
    const int error = posix_spawn(&child, argv_pointers_[0], &actions_, nullptr, argv_pointers_.data(),
                                  environment_pointers_.data());
    if (error == 0) waitpid(child, &status, 0);
    const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start;
    if (!count) return;
    if (error != 0 || status != 0) ++failed_;
    times_.push_back(passed.count());
  }

  void report(ordered_json& out) const { out[name_] = {{"ms", times_}, {"failed", failed_}}; }

 private:
  std::string name_;
  std::vector<std::string> argv_;
  std::vector<std::string> environment_;
  std::vector<char*> argv_pointers_;
  std::vector<char*> environment_pointers_;
  posix_spawn_file_actions_t actions_{};
  std::vector<double> times_;
  int failed_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: rounds SPEC.json\n", stderr);
    return 2;
  }
  std::ifstream file(argv[1]);
  const ordered_json spec = ordered_json::parse(file);
  std::vector<std::unique_ptr<Case>> cases;
  for (const auto& one : spec.at("cases")) cases.push_back(std::make_unique<Case>(one));

  std::mt19937 random(20261124);
  const int warm_up = spec.at("warm_up");
  const int rounds = spec.at("rounds");
  for (int round = -warm_up; round < rounds; ++round) {
    std::shuffle(cases.begin(), cases.end(), random);
    for (auto& one : cases) one->run(round >= 0);
  }
  ordered_json out;
  for (const auto& one : cases) one->report(out);
  std::cout << out.dump() << '\n';
}
