#include "net/resolv_conf.h"

#include <algorithm>
#include <array>

namespace claudebox::net {
namespace {

constexpr std::size_t kMaxServers = 3;  // MAXNS of glibc
constexpr std::size_t kMaxSearch = 32;  // glibc has no limit since 2.26
constexpr auto kKeptOptions =
    std::to_array<std::string_view>({"ndots:", "timeout:", "attempts:", "rotate", "single-request",
                                     "single-request-reopen", "no-tld-query", "use-vc"});

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; (at = line.find_first_not_of(" \t\r", at)) != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

std::optional<NameServer> read_server(std::string_view typed) {
  const std::size_t percent = typed.find('%');
  const auto address = Address::parse(typed.substr(0, percent));
  if (!address) return std::nullopt;
  NameServer server{.address = *address, .scope = {}};
  if (percent != std::string_view::npos) server.scope = typed.substr(percent + 1);
  return server;
}

bool is_kept(std::string_view option) {
  return std::any_of(kKeptOptions.begin(), kKeptOptions.end(), [&](std::string_view kept) {
    return kept.ends_with(':') ? option.starts_with(kept) : option == kept;
  });
}

/// Only what is a name may get into the box's file.
bool is_search(std::string_view word) {
  return word.size() <= 253 &&
         std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

void read_line(const std::vector<std::string_view>& words, ResolvConf& out) {
  if (words[0] == "nameserver" && words.size() > 1 && out.servers.size() < kMaxServers) {
    if (auto server = read_server(words[1])) out.servers.push_back(std::move(*server));
  } else if ((words[0] == "search" || words[0] == "domain") && words.size() > 1) {
    out.search.clear();  // the last one counts
    const std::size_t end = words[0] == "domain" ? 2 : std::min(words.size(), kMaxSearch + 1);
    for (std::size_t i = 1; i < end; ++i)
      if (is_search(words[i])) out.search.emplace_back(words[i]);
  } else if (words[0] == "options") {
    for (std::size_t i = 1; i < words.size(); ++i)
      if (is_kept(words[i]) && is_search(words[i])) out.options.emplace_back(words[i]);
  }
}

std::string line_of(const char* keyword, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  std::string line = keyword;
  for (const auto& word : words) line += " " + word;
  return line + "\n";
}

}  // namespace

ResolvConf parse_resolv_conf(std::string_view text) {
  ResolvConf out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with('#') || line.starts_with(';')) continue;
    if (const auto words = words_of(line); !words.empty()) read_line(words, out);
  }
  return out;
}

std::string box_resolv_conf(const ResolvConf& host, const Address& server) {
  return "# the gateway of this box asks the host's name servers\nnameserver " + server.to_string() + "\n" +
         line_of("search", host.search) + line_of("options", host.options);
}

}  // namespace claudebox::net
