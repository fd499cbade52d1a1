// A program, with everything that its start needs prepared, so that a clock sees the start alone.
#pragma once

#include <fcntl.h>
#include <spawn.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bench {

class Program {
 public:
  /// `spec`: {"name": "...", "argv": [...], "environment": ["A=b", ...], "directory": "...",
  ///          "open": [[DESCRIPTOR, "PATH"], ...]}. `standard` are its first three descriptors; -1 is /dev/null.
  explicit Program(const nlohmann::ordered_json& spec, const std::array<int, 3>& standard = {-1, -1, -1})
      : name_(spec.at("name")), argv_(spec.at("argv")), environment_(spec.at("environment")) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addchdir_np(&actions_, spec.at("directory").get<std::string>().c_str());
    for (int i = 0; i < 3; ++i) {
      const int given = standard[static_cast<std::size_t>(i)];
      if (given < 0)
        posix_spawn_file_actions_addopen(&actions_, i, "/dev/null", O_RDWR, 0);
      else
        posix_spawn_file_actions_adddup2(&actions_, given, i);
    }
    for (const auto& file : spec.value("open", nlohmann::ordered_json::array()))
      posix_spawn_file_actions_addopen(&actions_, file.at(0), file.at(1).get<std::string>().c_str(), O_RDONLY,
                                       0);
    for (auto& word : argv_) argv_pointers_.push_back(word.data());
    argv_pointers_.push_back(nullptr);
    for (auto& variable : environment_) environment_pointers_.push_back(variable.data());
    environment_pointers_.push_back(nullptr);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() { posix_spawn_file_actions_destroy(&actions_); }

  const std::string& name() const { return name_; }

  /// The child, or -1.
  pid_t start() {
    pid_t child = -1;
    return posix_spawn(&child, argv_pointers_[0], &actions_, nullptr, argv_pointers_.data(),
                       environment_pointers_.data()) == 0
               ? child
               : -1;
  }

 private:
  std::string name_;
  std::vector<std::string> argv_;
  std::vector<std::string> environment_;
  std::vector<char*> argv_pointers_;
  std::vector<char*> environment_pointers_;
  posix_spawn_file_actions_t actions_{};
};

}  // namespace bench
