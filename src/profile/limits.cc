#include "profile/limits.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "base/text.h"
#include "plan/limits.h"

namespace claudebox::profile {
namespace {

using plan::LimitKind;

/// What an amount may be. Less than the least stops the box itself before its command; more than the most is a mistake.
struct Bounds {
  LimitKind kind;
  const char* form;
  std::uint64_t least, most;
};
constexpr std::uint64_t kMiB = 1U << 20;
constexpr std::array kBounds = {
    Bounds{LimitKind::memory, "8G; the units are K, M, G and T", 16 * kMiB, 1'048'576 * (kMiB << 10)},
    Bounds{LimitKind::cpu, "150%; 100% is one core", 1, 100'000},
    Bounds{LimitKind::processes, "500; threads count", 16, 4'194'304},
    Bounds{LimitKind::open_files, "4096; of each process", 64, 1'073'741'816},
};

const Bounds& bounds_of(LimitKind kind) {
  return *std::find_if(kBounds.begin(), kBounds.end(), [&](const Bounds& each) { return each.kind == kind; });
}

struct Number {
  std::uint64_t value = 0;
  std::string_view unit{};
};

/// Digits with something behind them. What is more than a number can be is the largest one.
std::optional<Number> read_number(std::string_view text) {
  Number out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.value);
  if (error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) out.value = UINT64_MAX;
  out.unit = text.substr(static_cast<std::size_t>(end - text.data()));
  return out;
}

/// 1024 to the power of the unit's rank; empty for an unknown one.
std::optional<std::uint64_t> bytes_of(std::string_view unit) {
  constexpr std::string_view kUnits = "KMGT";
  if (unit.size() == 3 && unit.ends_with("iB")) unit = unit.substr(0, 1);
  const std::size_t rank = unit.size() == 1 ? kUnits.find(unit.front()) : std::string_view::npos;
  if (rank == std::string_view::npos) return std::nullopt;
  return std::uint64_t{1} << (10 * (rank + 1));
}

/// What may have been meant by an amount without its unit, or with one that there is not.
std::string nearest_form(LimitKind kind, const Number& number) {
  const std::string digits = std::to_string(number.value);
  if (kind == LimitKind::cpu && number.unit.empty())
    return "did you mean " + (number.value <= 64 ? std::to_string(number.value * 100) : digits) + "%?\n";
  if (kind == LimitKind::memory && number.unit.empty())
    return "did you mean " + digits + (number.value < 256 ? "G" : "M") + "?\n";
  if (kind == LimitKind::memory) {
    const char first = number.unit.front();
    const char upper = first >= 'a' && first <= 'z' ? static_cast<char>(first - 'a' + 'A') : first;
    if (bytes_of(std::string(1, upper))) return "did you mean " + digits + upper + "?\n";
  }
  return {};
}

/// In what the kind is counted in; empty where the unit is another.
std::optional<std::uint64_t> amount_of(LimitKind kind, const Number& number) {
  if (kind == LimitKind::memory) {
    const auto unit = bytes_of(number.unit);
    if (!unit) return std::nullopt;
    return number.value > UINT64_MAX / *unit ? UINT64_MAX : number.value * *unit;
  }
  if (number.unit != (kind == LimitKind::cpu ? "%" : "")) return std::nullopt;
  return number.value;
}

}  // namespace

std::optional<SpelledLimit> parse_limit_amount(std::string_view name, const Typed& typed,
                                               base::Diagnostics& problems) {
  const auto kind = plan::limit_named(name);
  if (!kind) return std::nullopt;
  SpelledLimit out{.kind = *kind, .origin = typed.origin};
  const std::size_t equals = typed.is_flag() ? typed.text.find('=') : std::string::npos;
  const std::string text = equals == std::string::npos ? typed.text : typed.text.substr(equals + 1);
  if (text == "none") return out;

  const Bounds& bounds = bounds_of(*kind);
  const std::string form =
      typed.is_flag() ? typed.form(std::string(name) + "=" + bounds.form) : typed.form(bounds.form);
  const auto number = read_number(text);
  const auto amount = number ? amount_of(*kind, *number) : std::nullopt;
  if (!amount) {
    problems.add("can't understand " + typed.spoken(), (number ? nearest_form(*kind, *number) : "") + form);
  } else if (*amount < bounds.least) {
    problems.add(typed.spoken() + " is too little: at least " + plan::limit_amount(*kind, bounds.least),
                 "none lifts it; " + form);
  } else if (*amount > bounds.most) {
    problems.add(typed.spoken() + " is too much: at most " + plan::limit_amount(*kind, bounds.most),
                 "none lifts it; " + form);
  } else {
    out.amount = amount;
    return out;
  }
  return std::nullopt;
}

std::optional<SpelledLimit> parse_limit(const Typed& typed, base::Diagnostics& problems) {
  const std::string name = typed.text.substr(0, typed.text.find('='));
  std::vector<std::string> known;
  for (const auto& bounds : kBounds) known.emplace_back(plan::limit_name(bounds.kind));
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    const auto near = base::nearest(name, known);
    problems.add("unknown limit '" + name + "'", (near ? "did you mean " + *near + "?\n" : std::string()) +
                                                     "there are " + base::join(known, ", "));
    return std::nullopt;
  }
  if (name.size() == typed.text.size()) {
    problems.add("can't understand " + typed.spoken(),
                 typed.form(name + "=" + bounds_of(*plan::limit_named(name)).form));
    return std::nullopt;
  }
  return parse_limit_amount(name, typed, problems);
}

void request_limit(const SpelledLimit& limit, plan::Request& request) {
  std::erase_if(request.limits, [&](const auto& other) { return other.kind == limit.kind; });
  if (limit.amount) request.limits.push_back({limit.kind, *limit.amount, limit.origin});
}

}  // namespace claudebox::profile
