// What the selftest tries, and which promise each attempt belongs to.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "plan/plan.h"

namespace claudebox::selftest {

/// One attempt of the probe.
struct Claim {
  std::string_view id;       ///< as the probe names it
  std::string_view promise;  ///< "BOX-1"
  std::string_view attempt;  ///< what is tried, for people: "open your keys and logins"
};

/// All of them, those of one promise side by side, in the order in which they are shown.
std::span<const Claim> claims();

/// Whether it is claudebox that looks, on the host when the box has ended, and not the probe.
bool is_tried_outside(const Claim& claim);

/// What a promise says, for people: "Your files, sockets and processes are not in the box".
std::string_view promise_text(std::string_view promise);

/// Why this plan does not promise what `claim` tries; empty where it does.
std::string not_promised(const Claim& claim, const plan::Plan& plan);

}  // namespace claudebox::selftest
