// A host's login and a client that renews it, for tests: files in a directory of the test, and a shell script.
#pragma once

#include <sys/epoll.h>
#include <sys/stat.h>

#include <chrono>
#include <functional>

#include "plan/plan.h"
#include "runtime/login_file.h"
#include "sys/clock.h"
#include "sys/event_loop.h"
#include "temp_dir.h"

namespace claudebox::runtime {

class LoginTestHost {
 public:
  LoginTestHost() {
    for (const char* name : {"host", "box", "state"}) std::filesystem::create_directory(home / name);
    login.mode.value = plan::LoginMode::broker;
    login.directory = home / "host";
    login.file = ".credentials.json";
    login.renewal = {home / "client", "mcp", "list"};
    login.renewal_directory = home / "state/renewal/claude";
    login.renewal_set = {{"LOGIN_AT", login.directory}};
    login.renewal_unset = {"SECRET_OF_THE_CALLER", "SESSION_*"};
  }

  static std::string credential(const std::string& token, std::int64_t left_ms, bool renewable = true) {
    return R"({"claudeAiOauth":{"accessToken":")" + token + R"(",)" +
           (renewable ? R"("refreshToken":"fake-refresh",)" : "") + R"("expiresAt":)" +
           std::to_string(sys::wall_clock() + left_ms) + "}}";
  }

  /// As clients do: a new file takes the old one's place.
  void write(const std::string& content) const {
    home.write("host/new", content);
    std::filesystem::rename(home / "host/new", home / "host/.credentials.json");
  }
  void log_in(const std::string& token, std::int64_t left_ms) const { write(credential(token, left_ms)); }

  /// The client's program. Each run is counted; `body` runs with the login's directory in $LOGIN_AT.
  void client(const std::string& body) const {
    home.write("client", "#!/bin/sh\necho run >>'" + (home / "runs") + "'\n" + body + "\n");
    ::chmod((home / "client").c_str(), 0755);
  }
  /// One that renews it, for eight hours.
  void client_that_renews(const std::string& token, const std::string& first = ":") const {
    client(first + "\nprintf '%s' '" + credential(token, 8L * 3600 * 1000) +
           "' >\"$LOGIN_AT/tmp\" && mv \"$LOGIN_AT/tmp\" \"$LOGIN_AT/.credentials.json\"");
  }
  std::size_t runs() const { return home.read("runs").size() / 4; }

  /// Turns the loop until `done`; false where that takes longer than half a minute.
  static bool turn(sys::EventLoop& loop, const std::function<bool()>& done) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      if (std::chrono::steady_clock::now() > until) return false;
      loop.wait_once(50);
    }
    return true;
  }
  /// Turns it for a while in which nothing is to happen.
  static void turn_for(sys::EventLoop& loop, std::chrono::milliseconds while_) {
    const auto until = std::chrono::steady_clock::now() + while_;
    while (std::chrono::steady_clock::now() < until) loop.wait_once(20);
  }

  testing::TempDir home;
  plan::Login login;
};

}  // namespace claudebox::runtime
