// What a profile may say: one table with a row for each key. Parsing, merging, judging what a project asks for, the JSON
// Schema and `profile show` all read this table, so a new key is one row.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/origin.h"
#include "plan/request.h"
#include "sys/host_view.h"

namespace claudebox::profile {

enum class Type {
  text,
  list,
  boolean,
  text_or_boolean,
  amount,  ///< a whole number, or a text for one with a unit
};

/// What a value of a project's own file does to what the user asked for.
enum class Effect {
  nothing,
  tightens,  ///< the box gets less: applies at once
  widens,    ///< the box gets more: waits for `claudebox trust`
};

struct Key;

/// Where in a file something stands; counted from 1, columns in characters.
struct Position {
  int line = 0;
  int column = 0;
  bool operator==(const Position&) const = default;
};

/// One value of a file: a scalar, or one item of a list.
struct Entry {
  const Key* key = nullptr;
  std::string text{};  ///< of a text or an item
  bool truth = false;  ///< of a boolean; of one that may be a text, too: true with every text
  Position at{};
  base::Origin origin{};  ///< "web.toml:12"
  int layer = 0;          ///< the rank of its file: the higher wins
  bool is_boolean() const;
  bool operator==(const Entry&) const = default;
};

/// What a value is read against.
struct Place {
  const sys::HostView& host;
  std::string directory{};  ///< where relative paths start; empty where they are refused
};

/// The tiers in which a key means something, as bits.
using Tiers = unsigned;
constexpr Tiers tier_bit(plan::Tier tier) {
  return 1U << static_cast<unsigned>(tier);
}
inline constexpr Tiers kEveryTier = ~0U;

struct Key {
  std::string_view name;  ///< "network"; "protect.vscode" for one of a table
  Type type = Type::text;
  std::string_view value;    ///< how a value is spelled: "TIER", "SRC[:DST][:ro|rw]"
  std::string_view choices;  ///< separated by spaces; empty where there are more than can be listed
  std::string_view summary;
  std::string_view tightens;  ///< for docs and editors: what of it a project may have at once
  std::string_view widens;    ///< and what waits for `claudebox trust`
  /// Into the request; what is wrong with it goes to `problems`.
  void (*apply)(const Entry&, const Place&, plan::Request&, base::Diagnostics& problems) = nullptr;
  Effect (*effect)(const Entry&, const plan::Request&) = nullptr;
  /// Two items of a list with the same identity are the same grant: the one of the higher file stays.
  std::string (*identity)(const Entry&) = nullptr;
  Tiers tiers = kEveryTier;
  bool paths = false;  ///< may hold newlines and other control characters, as paths may

  std::string_view table() const;  ///< "protect"; empty at top level
  std::string_view leaf() const;   ///< the name within its table
};

/// All of them, in the order in which they are documented.
std::span<const Key> keys();
const Key* find_key(std::string_view name);

}  // namespace claudebox::profile
