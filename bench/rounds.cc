// Measures programs from start to exit against each other: every round runs each of them once, in a new random order,
// so that whatever else the machine does falls on all of them alike.
//
//   rounds SPEC.json > RESULT.json
//
// SPEC: {"rounds": N, "warm_up": N, "cases": [PROGRAM, ...]}, each as in program.h
// RESULT: {"NAME": {"ms": [...], "failed": N}, ...}, one time a round.
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>

#include "program.h"

namespace {

using nlohmann::ordered_json;

class Case {
 public:
  explicit Case(const ordered_json& spec) : program_(spec) {}

  void run(bool count) {
    const auto start = std::chrono::steady_clock::now();
    int status = -1;
    if (const pid_t child = program_.start(); child > 0) waitpid(child, &status, 0);
    const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start;
    if (!count) return;
    if (status != 0) ++failed_;
    times_.push_back(passed.count());
  }

  void report(ordered_json& out) const { out[program_.name()] = {{"ms", times_}, {"failed", failed_}}; }

 private:
  bench::Program program_;
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
