// What bwrap reports on --json-status-fd. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace claudebox::runtime {

/// Collects bwrap's status documents (one JSON object a line) as they arrive.
class BwrapStatus {
 public:
  void feed(std::string_view bytes);

  /// The box's namespaces are made; from here on a failure may be the command's.
  bool started() const { return started_; }
  /// The command's exit status, 128+N for signal N; empty where bwrap failed before the command could end.
  std::optional<int> exit_code() const { return exit_code_; }

 private:
  void read_document(std::string_view line);

  std::string pending_;
  bool started_ = false;
  std::optional<int> exit_code_;
};

}  // namespace claudebox::runtime
