// The audit's part on what Nix provides.
#include "base/text.h"
#include "render/sections.h"

namespace claudebox::render {

void Audit::packages() {
  if (plan_.packages.empty()) return;
  for (const auto& package : plan_.packages) {
    const bool shell = package.kind == plan::Package::Kind::devshell;
    const std::string name =
        package.local ? path(package.flake) + (package.attribute.empty() ? "" : "#" + package.attribute)
                      : package.name();
    Line text = {{name}};
    if (package.resolved) {
      text.push_back({"  " + std::to_string(package.closure.size()) + " paths of the Nix store", Role::dim});
    } else {
      text.push_back({"  Nix builds or fetches it before the start, outside of the box", Role::warning});
    }
    fact(shell ? "dev shell" : "package", text);
    because(package.origin);
    if (!one_by_one()) continue;
    if (!package.locked.empty()) page_.put({}, text_column(), {{"is " + package.locked, Role::dim}});
    if (package.withheld.empty()) continue;
    std::vector<std::string> names;
    for (const auto& [variable, _] : package.withheld) names.push_back(variable);
    page_.put({}, text_column(),
              {{"its variables that stay out until env or --env names them: " + base::join(names, ", "),
                Role::dim}});
  }
}

}  // namespace claudebox::render
