// What nix answers in JSON.
#pragma once

#include <string>
#include <string_view>

namespace claudebox::packages {

/// What a reference to a flake was locked to, from `nix flake metadata --json`: "github:NixOS/nixpkgs/REV"; empty where it
/// does not say.
std::string locked_reference(std::string_view json);

}  // namespace claudebox::packages
