// A fake host with profiles, for tests of the layer profile.
#pragma once

#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "fake_host.h"
#include "profile/load.h"

namespace claudebox::testing {

inline constexpr const char* kStateRoot = "/home/dev/.claudebox";

class ProfileHost : public FakeHost {
 public:
  ProfileHost& profile(const std::string& name, const std::string& text) {
    directory(std::string(kStateRoot) + "/profiles", 0700);
    file(std::string(kStateRoot) + "/profiles/" + name + ".toml", text, 0600);
    return *this;
  }
  ProfileHost& config(const std::string& text) {
    file(std::string(kStateRoot) + "/config.toml", text, 0600);
    return *this;
  }
};

/// "message\nexcerpt\nhint\n" of each.
inline std::string all_of(const base::Diagnostics& problems) {
  std::string out;
  for (const auto& item : problems.items())
    out += item.message + "\n" + item.excerpt + "\n" + item.hint + "\n";
  return out;
}

inline claudebox::profile::Choice named(const std::string& name) {
  return {name, {base::Origin::Kind::flag, "--profile " + name, "asked for"}};
}

}  // namespace claudebox::testing
