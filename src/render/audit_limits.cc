// The audit's line on limits: what bounds the box here, and what was asked for and does not apply.
#include "base/text.h"
#include "plan/limits.h"
#include "render/sections.h"

namespace claudebox::render {
namespace {

/// "memory 8G", and how far that reaches where it is not the whole box.
std::string spoken(const plan::Limit& limit) {
  const bool each = limit.kind == plan::LimitKind::open_files ||
                    (limit.kind == plan::LimitKind::memory && limit.by == plan::Limit::By::resource);
  return std::string(plan::limit_name(limit.kind)) + " " + plan::limit_amount(limit.kind, limit.amount) +
         (each ? " each process" : "");
}

}  // namespace

void Audit::limits() {
  std::string label = "limits";
  const auto line = [&](const Line& text) {
    fact(label, text);
    label.clear();
  };
  std::vector<std::string> together;
  for (const auto& limit : plan_.limits.all) {
    if (limit.by == plan::Limit::By::nothing) continue;
    if (one_by_one()) {
      line({{spoken(limit)}});
      because(limit.origin);
    } else {
      together.push_back(spoken(limit));
    }
  }
  if (!together.empty()) line({{base::join(together, ", ")}});
  for (const auto& limit : plan_.limits.all) {
    if (limit.by != plan::Limit::By::nothing) continue;
    line({{spoken(limit) + " does not apply: " + limit.reason, Role::warning}});
    because(limit.origin);
  }
}

}  // namespace claudebox::render
