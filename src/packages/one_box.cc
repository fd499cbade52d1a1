#include "packages/one_box.h"

#include <signal.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "runtime/launch.h"

namespace claudebox::packages {
namespace {

constexpr std::size_t kMostOutput = 64U << 20;
constexpr std::chrono::milliseconds kRedraw{100};

[[noreturn]] void throw_problems(const base::Diagnostics& problems) {
  const auto& first = problems.items().front();
  throw base::Error(first.message, first.hint, first.exit);
}

bool same_but_for_digits(std::string_view a, std::string_view b) {
  const auto without = [](std::string_view text) {
    std::string out;
    std::copy_if(text.begin(), text.end(), std::back_inserter(out),
                 [](char c) { return c < '0' || c > '9'; });
    return out;
  };
  return without(a) == without(b);
}

}  // namespace

Answer run_box(const std::optional<plan::Plan>& box, const base::Diagnostics& problems, NixLog* log,
               const std::function<void(const std::string& status)>& progress) {
  if (!box) throw_problems(problems);
  Answer answer;
  int stopped = 0;
  auto drawn = std::chrono::steady_clock::time_point();
  std::string shown;
  const auto keep = [](std::string& text, std::string_view bytes) {
    if (text.size() + bytes.size() <= kMostOutput) text += bytes;
  };
  const auto take_errors = [&](std::string_view bytes) {
    if (!log) return keep(answer.errors, bytes);
    log->feed(bytes);
    const auto now = std::chrono::steady_clock::now();
    std::string status = log->status();
    // What comes too soon may be the last for minutes: then only its numbers may be old.
    if (!progress || (now - drawn < kRedraw && same_but_for_digits(status, shown))) return;
    drawn = now;
    shown = std::move(status);
    progress(shown);
  };
  const auto outcome =
      runtime::run(*box, {.capture = [&](std::string_view bytes) { keep(answer.output, bytes); },
                          .capture_errors = take_errors,
                          .on_signal =
                              [&](int signal) {
                                const bool stops = signal == SIGINT || signal == SIGTERM ||
                                                   signal == SIGHUP || signal == SIGQUIT;
                                if (stops && stopped == 0) stopped = signal;
                              }});
  if (log) log->finish();
  if (stopped != 0) throw Cancelled{stopped};
  if (outcome.kind != report::Outcome::Kind::exited)
    throw base::Error("the box that Nix works in ended early: " + outcome.reason,
                      "claudebox check looks for the cause", base::ExitCode::setup);
  answer.status = outcome.status;
  return answer;
}

}  // namespace claudebox::packages
