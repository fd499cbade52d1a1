// What nix says of its work (`--log-format internal-json`), read line by line.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace claudebox::packages {

/// Feed it what nix prints on standard error, in pieces of any size. All text that it gives is of others: escape it before a
/// terminal sees it. The format is nix's own and undocumented (Logger, JSONLogger in its sources): what is not understood is
/// left out, and nothing depends on it but what people are told and, of local flakes, `files`.
class NixLog {
 public:
  void feed(std::string_view bytes);
  void finish();  ///< the last line has come, also without its end

  /// "building hello-1.0 (1 of 3 built)", "fetching 12 of 80 MiB (3 of 20 paths)"; empty where there is nothing to say.
  std::string status() const;
  /// What went wrong, in nix's words without colours; empty where nothing did.
  std::string error() const { return error_; }
  /// The last lines that builds printed.
  std::vector<std::string> build_lines() const { return {lines_.begin(), lines_.end()}; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// The files and directories that evaluation opened, as "HASH-source/NAME" below the store; the flake's own first.
  const std::vector<std::string>& files() const { return files_; }

 private:
  struct Activity {
    int type = 0;
    std::string name{};
    std::uint64_t done = 0, expected = 0, running = 0;
  };
  void line(std::string_view text);
  void event(std::string_view json);
  void message(int level, const std::string& text);
  std::uint64_t sum(int type, std::uint64_t Activity::* number) const;

  std::string rest_;
  std::map<std::uint64_t, Activity> activities_;
  std::uint64_t finished_bytes_ = 0, expected_bytes_ = 0;
  std::string building_;
  std::string error_;
  std::deque<std::string> lines_;
  std::vector<std::string> warnings_;
  std::vector<std::string> files_;
  std::set<std::string> seen_;
};

/// Escape sequences taken out: ESC [ … letter, and other control characters but the newline.
std::string without_escapes(std::string_view text);

}  // namespace claudebox::packages
