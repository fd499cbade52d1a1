#include "profile/import.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/toml_string.h"
#include "plan/plan.h"
#include "profile/grants.h"
#include "profile/network_grants.h"
#include "profile/shell_words.h"
#include "profile/write.h"

namespace claudebox::profile {
namespace {

struct Variable {
  std::string_view name;
  std::string_view key;
};
constexpr auto kVariables = std::to_array<Variable>({{"PROFILE_NETWORK_TIER", "network"},
                                                     {"PROFILE_EXTRA_ENV", "env"},
                                                     {"PROFILE_MOUNTS", "mounts"},
                                                     {"PROFILE_EXTRA_MOUNTS", "mounts"},
                                                     {"PROFILE_PACKAGES", "packages"}});

class Import {
 public:
  Import(const Source& source, const Place& place, base::Diagnostics& problems)
      : source_(source), place_(place), problems_(problems) {}

  std::optional<std::string> run() {
    const std::size_t before = problems_.items().size();
    for (const auto& assignment : read_shell_assignments(source_, problems_)) take(assignment);
    if (problems_.items().size() != before) return std::nullopt;
    std::string out = "# From " + base::toml_string(source_.name) + ", which nothing reads any more.\n";
    if (!network_.empty()) out += "network = " + base::toml_string(network_) + "\n";
    out += list("mounts", mounts_) + list("env", env_) + list("packages", packages_);
    return out;
  }

 private:
  void problem(Position at, const std::string& message, std::string hint) {
    problems_.add(problem_at(source_, at, message, std::move(hint)));
  }

  void take(const ShellAssignment& assignment) {
    const auto* known = std::find_if(kVariables.begin(), kVariables.end(),
                                     [&](const Variable& one) { return one.name == assignment.name; });
    if (known == kVariables.end())
      return problem(assignment.at, assignment.name + " means nothing in a profile",
                     "take it out, or write what it is for by hand");
    if (known->key == "network") return network(assignment);
    // Each of the two variables for mounts starts anew for itself, as in bash.
    auto& list = known->key == "env" ? env_ : known->key == "packages" ? packages_ : mounts_;
    if (!assignment.appends)
      std::erase_if(list, [&](const Item& item) { return item.variable == assignment.name; });
    for (const auto& word : assignment.words) item(assignment, word, *known, list);
  }

  void network(const ShellAssignment& assignment) {
    if (assignment.array || assignment.appends || assignment.words.size() != 1)
      return problem(assignment.at, assignment.name + " is one word", "inet, none, full or the like");
    base::Diagnostics found;
    const auto& word = assignment.words.front();
    if (const auto tier = parse_tier({word.text, "network", {}}, found)) network_ = plan::tier_name(*tier);
    for (const auto& item : found.items()) problem(word.at, item.message, item.hint);
  }

  struct Item {
    std::string variable;
    std::string text;
  };

  void item(const ShellAssignment& assignment, const ShellWord& word, const Variable& known,
            std::vector<Item>& list) {
    if (!assignment.array && word.text.find_first_of(" \t\n") != std::string::npos)
      return problem(word.at, assignment.name + " is one word with spaces in it: one entry or several?",
                     "write it as an array: " + assignment.name + "=(first second)");
    if (word.text.empty()) return problem(word.at, "an empty word", "take it out");
    if (known.key != "mounts" && word.has_home)
      return problem(word.at, "$HOME means nothing here", "write the name");
    const std::string text = known.key == "mounts" ? word.path : word.text;
    const std::size_t before = problems_.items().size();
    judge(*find_key(known.key), word, text);
    if (problems_.items().size() != before) return;
    const bool twice =
        std::any_of(list.begin(), list.end(), [&](const Item& other) { return other.text == text; });
    if (!twice) list.push_back({assignment.name, text});
  }

  void judge(const Key& key, const ShellWord& word, const std::string& text) {
    const Entry entry{.key = &key, .text = text, .at = word.at, .origin = source_.origin(word.at)};
    plan::Request scratch;
    base::Diagnostics found;
    key.apply(entry, place_, scratch, found);
    for (const auto& item : found.items()) problem(word.at, item.message, item.hint);
  }

  static std::string list(const std::string& key, const std::vector<Item>& items) {
    if (items.empty()) return {};
    std::string out = key + " = [\n";
    for (const auto& item : items) out += "  " + base::toml_string(item.text) + ",\n";
    return out + "]\n";
  }

  const Source& source_;
  const Place& place_;
  base::Diagnostics& problems_;
  std::string network_;
  std::vector<Item> mounts_, env_, packages_;
};

}  // namespace

std::optional<std::string> import_shell_profile(const Source& source, const Place& place,
                                                base::Diagnostics& problems) {
  return Import(source, place, problems).run();
}

}  // namespace claudebox::profile
