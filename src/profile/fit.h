// Entries of files that mean nothing in the tier that somebody higher has chosen.
#pragma once

#include <vector>

#include "plan/request.h"
#include "profile/schema.h"

namespace claudebox::profile {

/// Who chose the tier: a rank of a file, or one of these.
inline constexpr int kBuiltIn = 0;
inline constexpr int kCommandLine = 1'000'000;

struct ChosenTier {
  plan::Setting<plan::Tier> tier{};
  int layer = kBuiltIn;
};

/// Takes away what has no meaning in the tier, with a note for each key, where the tier was chosen above the file:
/// `--network offline` goes with a profile that allows hosts. Where it was chosen in the same file or below, what does
/// not go together stays, and planning says so: who lists hosts and forgets the tier would think that they are a limit.
/// A project's file (`project_layer`) never stands in the way of the user's own tier.
std::vector<plan::Note> fit_to_tier(std::vector<Entry>& entries, const ChosenTier& chosen, int project_layer);

}  // namespace claudebox::profile
