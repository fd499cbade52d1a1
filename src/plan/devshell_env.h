// Which variables of a Nix dev shell may enter a box.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claudebox::plan {

struct DevshellEnv {
  std::vector<std::string> path{};                 ///< its PATH, as far as it lies in the store
  std::map<std::string, std::string> variables{};  ///< these enter
  std::map<std::string, std::string>
      withheld{};  ///< these enter where `env` of a profile, or --env, names them
};

/// From what `nix print-dev-env --json` says. Taken is what is exported. Left out is what belongs to the build (HOME, TMPDIR,
/// name, out and the like), and what would change other programs or pass for a credential (loaders, certificates, proxies,
/// names of secrets). A value that names a store path enters, any other has to be granted. Empty where it is no such JSON.
std::optional<DevshellEnv> devshell_env(std::string_view json);

}  // namespace claudebox::plan
