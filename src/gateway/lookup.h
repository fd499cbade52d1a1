// One lookup: from the box's query to the reply. Internal to the resolver.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/control.h"
#include "net/dns_message.h"
#include "net/name_pattern.h"
#include "net/policy.h"

namespace claudebox::gateway {

/// What may be asked, and what an answer must not hold.
class LookupRules {
 public:
  LookupRules(net::Policy& policy, const std::vector<AllowedName>& names, bool allowlist);

  /// The reply to a query that no server needs to be asked for; empty where one must be.
  struct Immediate {
    std::vector<std::uint8_t> reply{};  ///< empty: not even worth an answer
    LookedUp report{};
    bool reported = false;  ///< whether `report` says something
  };
  std::optional<Immediate> answer_here(std::span<const std::uint8_t> query,
                                       const std::optional<net::Question>& question) const;

  struct Judged {
    std::vector<std::uint8_t> reply{};
    LookedUp report{};
    std::vector<net::Grant> grants{};  ///< in force already
  };
  /// Judges a server's answer to `query`; grants its addresses to the box before the reply is handed out. The report
  /// names the addresses that are granted or meant, or of a withheld answer those that were the reason.
  Judged judge(std::span<const std::uint8_t> query, const net::Question& question,
               std::span<const std::uint8_t> answer, net::Time now);

  /// Grants that one answer may give.
  static constexpr std::size_t kMaxGrants = 64;
  /// Addresses that a report names.
  static constexpr std::size_t kMaxReported = 8;

 private:
  struct Name {
    net::NamePattern pattern;
    bool lan = false;
    std::uint16_t port = 0;
  };
  bool is_named(const std::string& name, bool lan) const;
  void grant(const net::Question& question, const net::Answer& answer, net::Time now, Judged& judged);

  net::Policy& policy_;
  std::vector<Name> names_;
  bool allowlist_;
};

}  // namespace claudebox::gateway
