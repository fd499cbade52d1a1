#include "base/path.h"

namespace claudebox::base {

std::string normalize(std::string_view absolute) {
  std::vector<std::string_view> parts;
  std::size_t at = 0;
  while (at <= absolute.size()) {
    const std::size_t end = std::min(absolute.find('/', at), absolute.size());
    const std::string_view part = absolute.substr(at, end - at);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  std::string out;
  for (const auto part : parts) (out += '/') += part;
  return out.empty() ? "/" : out;
}

std::string path_join(std::string_view directory, std::string_view name) {
  if (name.starts_with('/')) return std::string(name);
  std::string out(directory);
  if (!out.ends_with('/')) out += '/';
  return out += name;
}

std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

bool is_within(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

std::vector<std::string> ancestors_and_self(std::string_view path) {
  std::vector<std::string> out;
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    out.emplace_back(path.substr(0, end));
    at = end + 1;
  }
  return out;
}

std::string relative_to(std::string_view path, std::string_view directory) {
  if (path.size() <= directory.size()) return {};
  return std::string(path.substr(directory == "/" ? 1 : directory.size() + 1));
}

}  // namespace claudebox::base
