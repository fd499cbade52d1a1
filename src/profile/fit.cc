#include "profile/fit.h"

#include <algorithm>
#include <string>

#include "plan/plan.h"

namespace claudebox::profile {
namespace {

bool is_true(const std::vector<Entry>& entries, std::string_view name) {
  return std::any_of(entries.begin(), entries.end(),
                     [&](const Entry& entry) { return entry.key->name == name && entry.truth; });
}

}  // namespace

std::vector<plan::Note> fit_to_tier(std::vector<Entry>& entries, const ChosenTier& chosen,
                                    int project_layer) {
  std::vector<plan::Note> notes;
  const auto tier = chosen.tier.value;
  const bool narrow = tier == plan::Tier::offline || tier == plan::Tier::allowlist;
  const bool daemon_kept = !narrow || is_true(entries, "nix-daemon-network");
  std::erase_if(entries, [&](const Entry& entry) {
    const bool daemon = entry.key->name == "nix-daemon" && entry.truth;
    const bool fits = daemon ? daemon_kept : (entry.key->tiers & tier_bit(tier)) != 0;
    const bool below =
        entry.layer < chosen.layer || (entry.layer == project_layer && chosen.layer != project_layer);
    if (fits || !below) return false;
    const bool said = std::any_of(notes.begin(), notes.end(), [&](const plan::Note& note) {
      return note.text.starts_with(std::string(entry.key->name) + " of ");
    });
    if (!said)
      notes.push_back({plan::Note::Level::info,
                       std::string(entry.key->name) + " of " + entry.origin.source +
                           " is left out: it has no meaning in the tier " + plan::tier_name(tier) + " (" +
                           chosen.tier.origin.source + ")",
                       entry.origin});
    return true;
  });
  return notes;
}

}  // namespace claudebox::profile
