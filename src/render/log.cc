#include "render/log.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace claudebox::render {
namespace {

using report::NetworkEvent;
using Kind = NetworkEvent::Kind;

/// An address, and no more of them than fit on a line or two, after a name.
constexpr std::size_t kShownAddresses = 4;
/// Addresses whose names are remembered.
constexpr std::size_t kMaxNames = 10000;
constexpr std::size_t kWordColumn = 10;
constexpr std::size_t kCommandColumns = 60;

std::string times(std::uint32_t count) {
  return count > 1 ? std::to_string(count) + " times" : "";
}

void add_missing(std::vector<std::string>& list, const std::vector<std::string>& more) {
  for (const auto& each : more)
    if (std::ranges::find(list, each) == list.end()) list.push_back(each);
}

/// The place of `key` in `list`, which gets a copy of `event` with the count 0 where it is new.
template <class Key>
NetworkEvent& entry(std::map<Key, std::size_t>& index, std::vector<NetworkEvent>& list, const Key& key,
                    const NetworkEvent& event) {
  const auto [found, is_new] = index.try_emplace(key, list.size());
  if (is_new) {
    list.push_back(event);
    list.back().count = 0;
  }
  return list[found->second];
}

std::string result_of(const NetworkEvent& lookup) {
  if (lookup.result == "refused") return "refused: not on the allowlist";
  if (lookup.result == "private address") return "withheld: it has a private address";
  return lookup.result;
}

std::string shown_addresses(const std::vector<std::string>& addresses) {
  const std::size_t shown = std::min(addresses.size(), kShownAddresses);
  std::string out = base::join(std::span(addresses).first(shown), ", ");
  if (addresses.size() > shown) out += " and " + std::to_string(addresses.size() - shown) + " more";
  return out;
}

const char* word_of(const NetworkEvent& event) {
  switch (event.kind) {
    case Kind::lookup:
      return is_denial(event) ? "refused" : "name";
    case Kind::denied:
      return "denied";
    case Kind::reached:
      return "reached";
    case Kind::incident:
      return "incident";
  }
  return "";
}

}  // namespace

LogDigest log_digest(std::span<const NetworkEvent> events) {
  LogDigest digest;
  std::map<std::tuple<std::string, std::string>, std::size_t> lookups;
  std::map<std::tuple<std::string, std::string, std::uint16_t>, std::size_t> reached;
  std::map<std::tuple<std::string, std::string, std::uint16_t, bool, std::string>, std::size_t> denied;
  for (const auto& event : events) {
    if (event.kind == Kind::incident) digest.incidents.push_back(event);
    if (event.kind == Kind::lookup) {
      auto& sum = entry(lookups, digest.lookups, {event.name, event.result}, event);
      sum.count += std::max(1U, event.count);
      add_missing(sum.addresses, event.addresses);
      auto types = base::split(sum.type, ',');
      for (auto& type : types) type = base::trim(type);
      add_missing(types, {event.type});
      sum.type = base::join(types, ", ");
    }
    if (event.kind == Kind::reached) {
      // Each line has the sum so far.
      auto& sum = entry(reached, digest.reached, {event.protocol, event.address, event.port}, event);
      sum.bytes_out = event.bytes_out;
      sum.bytes_in = event.bytes_in;
    }
    if (event.kind == Kind::denied) {
      auto& sum = entry(denied, digest.denied,
                        {event.protocol, event.address, event.port, event.incoming, event.reason}, event);
      sum.count += std::max(1U, event.count);
    }
  }
  return digest;
}

Log::Log(report::Session session, Style style, Clock clock)
    : session_(std::move(session)), style_(style), clock_(std::move(clock)) {}

std::string Log::time_of(std::int64_t time) const {
  const std::string text = clock_(time);
  const std::string day = clock_(session_.started).substr(0, 11);
  return text.starts_with(day) ? text.substr(day.size()) : text;
}

std::string Log::ending() const {
  Page page(style_, {});
  if (session_.running) {
    page.put({{"it is running", Role::good}});
  } else if (!session_.ended) {
    page.put({{"it was killed: its end is not in the record", Role::warning}});
  } else {
    const bool good = session_.outcome == "exited";
    std::string text =
        time_of(*session_.ended) + " " + (good ? "it ended" : "it ended (" + session_.outcome + ")");
    if (session_.status) text += ", exit status " + std::to_string(*session_.status);
    if (!session_.reason.empty()) text += ": " + session_.reason;
    page.put({{text, good ? Role::dim : Role::warning}});
  }
  if (session_.lost > 0)
    page.put({{std::to_string(session_.lost) + " lines of the record could not be written", Role::warning}});
  return page.take();
}

std::string Log::header() const {
  Page page(style_, {});
  const std::string dot = " " + std::string(page.dot()) + " ";
  page.put({{session_.id, Role::strong},
            {dot + page.elide(session_.command, kCommandColumns) + dot + session_.network + dot + "started " +
             clock_(session_.started)}});
  return page.take();
}

void Log::remember(const NetworkEvent& event) {
  for (const auto& address : event.addresses)
    if (names_.size() < kMaxNames) names_.try_emplace(address, event.name);
}

Line Log::describe(const NetworkEvent& event) const {
  if (event.kind == Kind::incident) return {{event.reason, Role::warning}};
  if (event.kind == Kind::lookup) {
    Line line = {{event.name, Role::strong},
                 {"  " + event.type + " ", Role::dim},
                 {result_of(event), is_denial(event) ? Role::warning : Role::plain}};
    if (!event.addresses.empty()) line.push_back({" " + shown_addresses(event.addresses), Role::dim});
    // A program asks for A and AAAA at a time, which is nothing to count.
    const auto types = static_cast<std::uint32_t>(std::ranges::count(event.type, ',') + 1);
    if (event.count > types) line.push_back({" (" + times(event.count) + ")", Role::dim});
    return line;
  }
  Line line = {{event.incoming ? "from " : ""}, {event.protocol + " "}, {destination(event), Role::strong}};
  if (const auto name = names_.find(event.address); name != names_.end())
    line.push_back({" (" + name->second + ")", Role::dim});
  if (event.kind == Kind::reached) {
    line.push_back(
        {"  " + base::human_size(event.bytes_out) + " out, " + base::human_size(event.bytes_in) + " in"});
    return line;
  }
  if (event.count > 1) line.push_back({"  " + times(event.count)});
  if (!event.reason.empty()) line.push_back({": " + event.reason, Role::warning});
  return line;
}

void Log::part(Page& page, const std::string& title, const std::vector<NetworkEvent>& events) const {
  if (events.empty()) return;
  page.blank();
  page.put({{title, Role::strong}, {" (" + std::to_string(events.size()) + ")", Role::dim}});
  std::size_t width = 0;
  for (const auto& event : events) width = std::max(width, time_of(event.time).size());
  for (const auto& event : events)
    page.put({{"  " + time_of(event.time), Role::dim}}, width + 4, describe(event));
}

std::string Log::page(const LogDigest& digest, bool denied_only) const {
  Log with_names(*this);
  for (const auto& event : digest.lookups) with_names.remember(event);
  std::vector<NetworkEvent> names;
  std::vector<NetworkEvent> refused;
  for (const auto& event : digest.lookups) (is_denial(event) ? refused : names).push_back(event);

  Page page(style_, {});
  if (!denied_only) {
    with_names.part(page, "names looked up", names);
    with_names.part(page, "reached", digest.reached);
  }
  with_names.part(page, "names refused", refused);
  with_names.part(page, "denied", digest.denied);
  if (!denied_only) with_names.part(page, "incidents", digest.incidents);
  if (std::string out = page.take(); !out.empty()) return out;
  return nothing(denied_only);
}

std::string Log::nothing(bool denied_only) const {
  Page page(style_, {});
  page.blank();
  if (session_.network == "full") {
    page.put({{"The box had the host's network, of which claudebox sees nothing.", Role::dim}});
  } else {
    page.put(
        {{denied_only ? "Nothing was denied." : "Nothing was looked up, reached or denied.", Role::dim}});
  }
  return page.take();
}

std::string Log::line(const NetworkEvent& event) {
  remember(event);
  Page page(style_, {});
  const bool bad = is_denial(event) || event.kind == Kind::incident;
  const std::string time = time_of(event.time);
  const std::string word = word_of(event);
  page.put({{time + "  ", Role::dim}, {word, bad ? Role::warning : Role::dim}}, time.size() + 2 + kWordColumn,
           describe(event));
  return page.take();
}

}  // namespace claudebox::render
