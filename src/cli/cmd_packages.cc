// `claudebox packages`: what was resolved, resolved anew, or taken away.
#include <algorithm>

#include "base/path.h"
#include "base/text.h"
#include "cli/json.h"
#include "cli/packages.h"
#include "instance/layout.h"
#include "plan/build.h"
#include "plan/packages.h"
#include "sys/fs.h"

namespace claudebox::cli {
namespace {

struct Entry {
  std::string directory;
  plan::PackageRecord record;
};

std::vector<Entry> entries(const sys::HostView& host) {
  std::vector<Entry> out;
  const std::string root = plan::packages_directory(host);
  for (const auto& name : host.list_directory(root)) {
    const std::string directory = base::path_join(root, name);
    if (auto record = plan::package_record(host, directory)) out.push_back({directory, std::move(*record)});
  }
  std::sort(out.begin(), out.end(),
            [](const Entry& a, const Entry& b) { return a.record.name < b.record.name; });
  return out;
}

}  // namespace

int list_packages(const Context& context) {
  const auto all = entries(context.host);
  if (context.low.json) {
    std::vector<PackageLine> lines;
    for (const auto& entry : all)
      lines.push_back({entry.record.name, entry.record.kind, entry.record.locked, entry.record.outputs,
                       entry.record.closure.size(), entry.record.resolved_at, entry.directory});
    print(packages_json(lines));
    return 0;
  }
  if (all.empty()) {
    say("Nothing has been resolved yet: --package NAME, or packages in a profile, does it.\n");
    return 0;
  }
  std::size_t width = 0;
  for (const auto& entry : all) width = std::max(width, entry.record.name.size());
  std::string out;
  for (const auto& entry : all)
    out += base::escape_for_terminal(entry.record.name) +
           std::string(width - entry.record.name.size() + 2, ' ') + entry.record.kind + ", " +
           std::to_string(entry.record.closure.size()) + " paths" +
           (entry.record.locked.empty() ? "" : ", " + base::escape_for_terminal(entry.record.locked)) + "\n";
  print(out);
  return 0;
}

int update_packages(const Context& context) {
  const auto planned = make_plan(context);
  if (const int* status = std::get_if<int>(&planned)) return *status;
  const auto& plan = std::get<plan::Plan>(planned);
  if (plan.packages.empty())
    throw base::Error("nothing asks for packages here", "--package, --profile, or packages in a profile");
  if (const int signal = resolve_packages(context, plan, true); signal != 0) {
    say("Cancelled: what was not resolved anew is as it was.\n");
    return 128 + signal;
  }
  return 0;
}

int remove_packages(const Context& context) {
  const auto all = entries(context.host);
  const std::string root = plan::packages_directory(context.host);
  std::size_t removed = 0;
  const auto remove = [&](const std::string& name) {
    const auto directory = sys::open_directory(root);
    instance::check_owner(directory, context.host.identity().uid);
    sys::remove_tree(directory, name);
    ++removed;
  };
  if (context.low.all) {
    for (const auto& name : context.host.list_directory(root)) remove(name);
  } else {
    for (const auto& entry : all)
      if (entry.record.name == context.low.argument || entry.record.name == "nixpkgs#" + context.low.argument)
        remove(base::base_name(entry.directory));
    if (removed == 0)
      throw base::Error("nothing is resolved that is called " + context.low.argument,
                        "claudebox packages list shows all; --all removes everything");
  }
  say("Removed. The collector of Nix may take " + std::string(removed == 1 ? "it" : "them") +
      " now; the next start resolves anew.\n");
  return 0;
}

int print_packages(const Context& context) {
  std::string out;
  for (const auto& entry : entries(context.host))
    out += base::escape_for_terminal(entry.record.name) + "\t" + entry.record.kind + "\n";
  print(out);
  return 0;
}

}  // namespace claudebox::cli
