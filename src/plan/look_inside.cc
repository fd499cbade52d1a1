#include "plan/look_inside.h"

#include <algorithm>
#include <array>
#include <deque>

#include "base/path.h"
#include "plan/known_secrets.h"

namespace claudebox::plan {
namespace {

/// Large, and full of other people's test keys.
constexpr auto kFetched = std::to_array<std::string_view>(
    {".git", "node_modules", "site-packages", ".venv", "venv", "vendor", "target", "build", "dist", ".cache",
     "__pycache__", ".tox", ".cargo", ".rustup", ".npm", ".terraform"});

/// Files of these names may hold a certificate alone.
constexpr auto kMaybeKeys = std::to_array<std::string_view>({".pem", ".key"});

template <class Table>
bool contains(const Table& table, std::string_view word) {
  return std::find(table.begin(), table.end(), word) != table.end();
}

bool is_secret(const sys::HostView& host, const std::string& path, std::string_view name) {
  if (!told_by_name(name)) return false;
  const bool maybe =
      std::any_of(kMaybeKeys.begin(), kMaybeKeys.end(), [&](auto end) { return name.ends_with(end); });
  if (!maybe) return true;
  const auto head = host.read_head(path, 256);
  return head && head->find("PRIVATE KEY") != std::string::npos;
}

}  // namespace

std::vector<std::string> secrets_inside(const sys::HostView& host, const std::string& directory,
                                        LookBudget& budget) {
  std::vector<std::string> found;
  for (std::deque<std::string> todo = {directory};
       !todo.empty() && budget.directories > 0 && budget.names > 0; --budget.directories) {
    const std::string here = std::move(todo.front());
    todo.pop_front();
    for (const auto& name : host.list_directory(here, budget.names)) {
      --budget.names;
      const std::string path = base::path_join(here, name);
      const auto kind = host.lstat(path).kind;  // a link leads out of the mount, or to what is found anyway
      if (kind == sys::FileKind::directory && !contains(kFetched, name)) {
        todo.push_back(path);
      } else if ((kind == sys::FileKind::file || kind == sys::FileKind::socket) &&
                 is_secret(host, path, name)) {
        found.push_back(base::relative_to(path, directory));
      }
    }
  }
  return found;
}

}  // namespace claudebox::plan
