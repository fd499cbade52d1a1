// The audit's environment: every variable of the box, marked by where it comes from.
#include <algorithm>

#include "base/secret.h"
#include "base/text.h"
#include "render/sections.h"
#include "render/sensitive.h"

namespace claudebox::render {
namespace {

using plan::EnvVar;

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
  return {"", "", Role::plain};
}

/// A search path is read entry by entry; of other long values a glimpse will do.
bool is_read_in_full(const EnvVar& variable) {
  return variable.name == "PATH";
}

/// What is seen of the value. What has a secret's shape is masked by the page, here and everywhere.
std::string shown_value(const EnvVar& variable) {
  if (is_secret(variable) && base::secret_shape(variable.value).empty()) return base::mask(variable.value);
  return variable.value.find(' ') == std::string::npos ? variable.value : "\"" + variable.value + "\"";
}

}  // namespace

void Audit::variable(const EnvVar& variable) {
  const Mark mark = mark_of(variable.kind);
  const std::string danger = variable_danger(variable);
  const Role role = danger.empty() ? Role::plain : Role::danger;
  const std::size_t room = page_.width() - text_column();
  const std::size_t name = page_.columns(variable.name) + 1;
  std::string value = shown_value(variable);
  if (!page_.style().verbose && !is_read_in_full(variable))
    value = page_.elide(value, room > name + 8 ? room - name : room);
  Line text = {{variable.name, role}, {"=", Role::dim}, {value, danger.empty() ? Role::dim : role}};
  if (!variable.host_name.empty()) text.push_back({"  here " + variable.host_name, Role::dim});
  grant({{mark.text, mark.role}}, text,
        danger.empty() ? std::vector<std::string>() : std::vector<std::string>{danger}, &variable.origin);
}

void Audit::variables(EnvVar::Kind kind) {
  const auto stands_alone = [&](const EnvVar& each) {
    return page_.style().verbose || kind == EnvVar::Kind::extra || is_read_in_full(each) ||
           !variable_danger(each).empty();
  };
  std::vector<const EnvVar*> together;
  for (const auto& each : plan_.env)
    if (each.kind == kind && !stands_alone(each)) together.push_back(&each);

  const bool explain = page_.style().explain;
  const std::size_t longest = (page_.width() - text_column()) / 2;
  for (std::size_t begin = 0, end = 0; begin < together.size(); begin = end) {
    Line line;
    for (; end < together.size() && (!explain || together[end]->origin == together[begin]->origin); ++end) {
      line.push_back({(line.empty() ? "" : "  ") + together[end]->name});
      line.push_back({"=", Role::dim});
      line.push_back({page_.elide(shown_value(*together[end]), longest), Role::dim});
    }
    grant({{mark_of(kind).text, mark_of(kind).role}}, line, {}, &together[begin]->origin);
  }
  for (const auto& each : plan_.env)
    if (each.kind == kind && stands_alone(each)) variable(each);
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
  for (const auto kind : {EnvVar::Kind::generated, EnvVar::Kind::host, EnvVar::Kind::extra}) variables(kind);
}

}  // namespace claudebox::render
