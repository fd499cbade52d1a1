#include "profile/package_grants.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace claudebox::profile {
namespace {

constexpr std::size_t kLongest = 1024;

bool letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Made of letters, digits and `others`, and not like an option.
bool made_of(std::string_view text, std::string_view others) {
  return !text.starts_with('-') && std::all_of(text.begin(), text.end(), [&](char c) {
    return letter_or_digit(c) || others.find(c) != std::string_view::npos;
  });
}

bool is_path(std::string_view text) {
  return text == "." || text == "~" || text.starts_with("./") || text.starts_with("../") ||
         text.starts_with("/") || text.starts_with("~/") || text.starts_with(".#");
}

bool is_attribute(std::string_view text) {
  return made_of(text, "_.+'-");
}

bool is_reference(std::string_view text) {
  return !text.empty() && letter_or_digit(text.front()) && made_of(text, "_.:/?=&%@+~,-");
}

constexpr const char* kForms =
    "python3 is nixpkgs#python3; else FLAKE#NAME, as nixpkgs#postgresql, github:owner/repo#x or ./flake#y";

std::optional<plan::PackageRequest> refuse(const Typed& typed, const std::string& why, const char* hint,
                                           base::Diagnostics& problems) {
  problems.add(typed.spoken() + ": " + why, hint);
  return std::nullopt;
}

/// With a '#' in it, or a path.
std::optional<plan::PackageRequest> parse(const Typed& typed, base::Diagnostics& problems) {
  plan::PackageRequest request;
  request.origin = typed.origin;
  request.local = is_path(typed.text);
  // A directory may have a # in its name, a reference may not.
  const std::size_t hash = request.local ? typed.text.rfind('#') : typed.text.find('#');
  request.flake = typed.text.substr(0, hash);
  if (hash != std::string::npos) request.attribute = typed.text.substr(hash + 1);
  if (!is_attribute(request.attribute) || (hash != std::string::npos && request.attribute.empty()))
    return refuse(typed, "'" + request.attribute + "' can't be the name of a package", kForms, problems);
  if (request.local) {
    if (request.flake.find('\0') != std::string::npos)
      return refuse(typed, "a NUL can't be part of a path", kForms, problems);
    return request;
  }
  for (const std::string_view scheme : {"path:", "git+file:", "file:", "hg+file:", "tarball+file:"})
    if (request.flake.starts_with(scheme))
      return refuse(typed, std::string(scheme) + " names a directory of this machine",
                    "write the directory itself: ./DIR#NAME, /DIR#NAME or ~/DIR#NAME", problems);
  if (!is_reference(request.flake))
    return refuse(typed, "'" + request.flake + "' can't be a reference to a flake", kForms, problems);
  return request;
}

bool fits(const Typed& typed, base::Diagnostics& problems) {
  if (typed.text.empty() || typed.text.size() > kLongest) {
    problems.add(typed.name + (typed.text.empty() ? ": an empty name" : ": a name of more than 1024 bytes"),
                 kForms);
    return false;
  }
  return true;
}

}  // namespace

std::optional<plan::PackageRequest> parse_package(const Typed& typed, base::Diagnostics& problems) {
  if (!fits(typed, problems)) return std::nullopt;
  const bool bare = typed.text.find_first_of("#:/") == std::string::npos && !is_path(typed.text);
  if (!bare) return parse(typed, problems);
  if (!is_attribute(typed.text))
    return refuse(typed, "that can't be the name of a package", kForms, problems);
  return plan::PackageRequest{
      .flake = "nixpkgs", .attribute = typed.text, .local = false, .origin = typed.origin};
}

std::optional<plan::PackageRequest> parse_devshell(const Typed& typed, base::Diagnostics& problems) {
  if (!fits(typed, problems)) return std::nullopt;
  return parse(typed, problems);
}

}  // namespace claudebox::profile
