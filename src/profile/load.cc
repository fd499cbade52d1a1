#include "profile/load.h"

#include <algorithm>

#include "base/text.h"
#include "profile/files.h"
#include "profile/keys.h"
#include "profile/parse.h"

namespace claudebox::profile {
namespace {

constexpr std::size_t kDeepest = 16;
constexpr std::size_t kMostFiles = 64;

class Loader {
 public:
  Loader(const sys::HostView& host, base::Diagnostics& problems) : host_(host), problems_(problems) {}

  void defaults() {
    const std::string path = config_path(host_);
    const auto source = read_own(host_, path, "config.toml", problems_);
    if (source) file(*source, {host_, {}}, {plan::SettingsFile::Kind::defaults, "config.toml", source->path});
  }

  /// `asked_by` for messages; `at` where it stands in a file.
  void profile(const std::string& name, const std::string& asked_by, const Source* from, Position at) {
    const auto complain = [&](const std::string& message, const std::string& hint) {
      if (from) {
        problems_.add(problem_at(*from, at, message, hint));
      } else {
        problems_.add(asked_by + ": " + message, hint);
      }
    };
    if (!is_profile_name(name))
      return complain("'" + name + "' can't be the name of a profile",
                      "letters, digits, -, _ and dots inside, as in profiles/NAME.toml; no path");
    if (std::find(way_.begin(), way_.end(), name) != way_.end())
      return complain("extends goes in a circle: " + base::join(way_, " extends ") + " extends " + name,
                      "take one of them out");
    if (way_.size() >= kDeepest || settings_.files.size() >= kMostFiles)
      return complain("extends goes too deep: more than " + std::to_string(kDeepest) +
                          " below each other, or " + std::to_string(kMostFiles) + " in all",
                      "say more in fewer profiles");
    // One that several extend counts once, at its first place.
    if (std::find(done_.begin(), done_.end(), name) != done_.end()) return;
    const std::size_t before = problems_.items().size();
    const std::string path = profile_path(host_, name);
    const auto source = read_own(host_, path, name + ".toml", problems_);
    if (!source) {
      if (problems_.items().size() == before) missing(name, asked_by, from, at);
      return;
    }
    way_.push_back(name);
    file(*source, {host_, {}}, {plan::SettingsFile::Kind::profile, name, source->path});
    way_.pop_back();
    done_.push_back(name);
  }

  void file(const Source& source, const Place& place, plan::SettingsFile about) {
    // What it extends lies below it, so its rank is known only after them.
    auto entries = parse(source, place, 0, problems_);
    for (const auto& entry : entries)
      if (entry.key->name == "extends" && is_profile_name(entry.text))
        profile(entry.text, source.name, &source, entry.at);
    settings_.files.push_back(std::move(about));
    for (auto& entry : entries) entry.layer = static_cast<int>(settings_.files.size());
    std::erase_if(entries, [](const Entry& entry) { return entry.key->name == "extends"; });
    merge(settings_.entries, entries);
  }

  Settings take() { return std::move(settings_); }

 private:
  void missing(const std::string& name, const std::string& asked_by, const Source* from, Position at) {
    base::Diagnostics found;
    say_no_profile(host_, name, asked_by, found);
    for (const auto& item : found.items())
      problems_.add(from ? problem_at(*from, at, "there is no profile '" + name + "'", item.hint) : item);
  }

  const sys::HostView& host_;
  base::Diagnostics& problems_;
  Settings settings_;
  std::vector<std::string> way_;  ///< from the one asked for down to the one being read
  std::vector<std::string> done_;
};

}  // namespace

Settings load(const std::optional<Choice>& choice, const sys::HostView& host, base::Diagnostics& problems) {
  Loader loader(host, problems);
  loader.defaults();
  if (choice) loader.profile(choice->name, choice->origin.source, nullptr, {});
  return loader.take();
}

Settings load_file(const Source& source, const Place& place, plan::SettingsFile::Kind kind,
                   base::Diagnostics& problems) {
  Loader loader(place.host, problems);
  loader.file(source, place, {kind, source.name, source.path});
  return loader.take();
}

void merge(std::vector<Entry>& below, const std::vector<Entry>& above) {
  for (const auto& entry : above) {
    std::erase_if(below, [&](const Entry& other) {
      if (other.key != entry.key || other.layer == entry.layer) return false;
      return entry.key->type != Type::list || !entry.key->identity ||
             entry.key->identity(other) == entry.key->identity(entry);
    });
    below.push_back(entry);
  }
}

void apply(const std::vector<Entry>& entries, const Place& place, plan::Request& request) {
  base::Diagnostics said;
  for (const auto& entry : entries) entry.key->apply(entry, place, request, said);
}

}  // namespace claudebox::profile
