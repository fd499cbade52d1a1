// Limits of a box: what was spelled becomes what is meant. Whether the host can hold the box to them is for planning to
// say.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/diagnostics.h"
#include "plan/request.h"
#include "profile/typed.h"

namespace claudebox::profile {

/// A limit with its amount, or with none: what was said of it below is taken away.
struct SpelledLimit {
  plan::LimitKind kind = plan::LimitKind::memory;
  std::optional<std::uint64_t> amount{};
  base::Origin origin{};
};

/// `NAME=AMOUNT`, as after --limit. Empty with a problem where it is no limit that can be.
std::optional<SpelledLimit> parse_limit(const Typed& typed, base::Diagnostics& problems);

/// The amount alone, of the limit `name`, which is known.
std::optional<SpelledLimit> parse_limit_amount(std::string_view name, const Typed& typed,
                                               base::Diagnostics& problems);

/// Into the request, in place of what that says of the same kind.
void request_limit(const SpelledLimit& limit, plan::Request& request);

}  // namespace claudebox::profile
