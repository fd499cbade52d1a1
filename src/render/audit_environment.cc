// The audit's environment: every variable of the box, marked by where it comes from.
#include <algorithm>

#include "base/secret.h"
#include "base/text.h"
#include "render/sections.h"
#include "render/sensitive.h"

namespace claudebox::render {
namespace {

using plan::EnvVar;

constexpr std::size_t kNameColumn = 6;

struct Mark {
  const char* text;
  const char* meaning;
  Role role;
};

Mark mark_of(EnvVar::Kind kind) {
  switch (kind) {
    case EnvVar::Kind::generated:
      return {"[~]", "generated", Role::generated};
    case EnvVar::Kind::host:
      return {"[>]", "from the host", Role::host};
    case EnvVar::Kind::extra:
      return {"[+]", "extra", Role::extra};
  }
  return {"[?]", "", Role::plain};
}

}  // namespace

void Audit::variable(const EnvVar& variable, std::size_t value_column) {
  const Mark mark = mark_of(variable.kind);
  const std::string reason = variable_danger(variable);
  const Role role = reason.empty() ? Role::plain : Role::danger;
  std::string value = is_secret(variable) && base::secret_shape(variable.value).empty()
                          ? base::mask(variable.value)
                          : variable.value;
  // A search path is read entry by entry; of other long values a glimpse will do.
  const std::size_t room = page_.width() - std::min(value_column, page_.width() / 2);
  if (!page_.style().verbose && variable.name != "PATH") value = page_.elide(value, room);
  page_.put({{"  "}, {mark.text, mark.role}, {" " + variable.name, role}}, value_column, {{value, role}});
  if (!reason.empty()) danger(reason);
  because(variable.origin);
}

void Audit::environment() {
  Line legend;
  for (const auto kind : {EnvVar::Kind::generated, EnvVar::Kind::host, EnvVar::Kind::extra}) {
    const bool used = std::any_of(plan_.env.begin(), plan_.env.end(),
                                  [&](const EnvVar& variable) { return variable.kind == kind; });
    if (!used) continue;
    const Mark mark = mark_of(kind);
    legend.push_back({(legend.empty() ? "" : "  ") + std::string(mark.text), mark.role});
    legend.push_back({" " + std::string(mark.meaning), Role::dim});
  }
  heading("environment", legend);

  std::size_t widest = 0;
  for (const auto& each : plan_.env) widest = std::max(widest, page_.columns(each.name));
  const std::size_t column = kNameColumn + std::min<std::size_t>(widest, page_.width() / 3) + 2;
  for (const auto kind : {EnvVar::Kind::generated, EnvVar::Kind::host, EnvVar::Kind::extra})
    for (const auto& each : plan_.env)
      if (each.kind == kind) variable(each, column);
}

}  // namespace claudebox::render
