#include "packages/nix_error.h"

#include <array>

#include "base/path.h"
#include "base/text.h"
#include "plan/resolver_box.h"

namespace claudebox::packages {
namespace {

struct Cause {
  std::string_view in_text;
  std::string_view hint;
};
constexpr auto kCauses = std::to_array<Cause>({
    {"does not provide attribute", "look for it: https://search.nixos.org, or nix search nixpkgs WORD"},
    {"cannot connect to socket", "the Nix daemon does not answer: systemctl start nix-daemon"},
    {"cannot open connection to remote store", "the Nix daemon does not answer: systemctl start nix-daemon"},
    {"No space left on device", "make room; nix-collect-garbage takes what nobody uses"},
    {"database or disk is full", "make room where claudebox keeps its records and caches"},
    {"unable to download",
     "look at the network and at substituters in nix.conf; what was fetched so far is kept"},
    {"in the flake registries", "FLAKE#NAME names the flake: nixpkgs#python3, github:owner/repo#x, ./dir#y"},
    {"only works on derivations that use 'bash'", "name a dev shell of the flake: FLAKE#NAME"},
    {"has an unsupported type",
     "Nix takes files, directories and links: move pipes, sockets and devices elsewhere"},
    {"is not a derivation", "name a package of the flake: FLAKE#NAME"},
});

/// "/nix/store/HASH-source/x.nix" of the flake's copy is x.nix of the flake.
std::string with_own_places(std::string text, const plan::Package& package) {
  if (!package.local) return text;
  const std::string own = (package.repository.empty() ? package.flake : package.repository) + "/";
  constexpr std::string_view kStore = "/nix/store/";
  constexpr std::string_view kSource = "-source/";
  for (std::size_t at = 0; (at = text.find(kStore, at)) != std::string::npos; at += 1) {
    const std::size_t name = at + kStore.size() + 32;
    if (text.compare(name, kSource.size(), kSource) == 0) text.replace(at, name + kSource.size() - at, own);
  }
  const std::string copy = std::string(plan::kFlakePlace) + "/";
  for (std::size_t at = 0; (at = text.find(copy, at)) != std::string::npos; at += own.size())
    if (at == 0 || text[at - 1] == '\'' || text[at - 1] == ':' || text[at - 1] == ' ')
      text.replace(at, copy.size(), own);
  return text;
}

std::string strip_error(std::string_view line) {
  line = base::trim(line);
  while (line.starts_with("error:")) line = base::trim(line.substr(6));
  return std::string(line);
}

}  // namespace

base::Error explain(const plan::Package& package, const std::string& said,
                    const std::vector<std::string>& lines) {
  const std::string text = with_own_places(said, package);
  std::string first;
  std::vector<std::string> rest;
  for (const auto& line : base::split(text, '\n')) {
    if (first.empty()) {
      first = strip_error(line);
    } else if (!base::trim(line).empty()) {
      // Indented by nix below its own "error:"; an excerpt of a file keeps its columns.
      const auto trimmed = base::trim(line);
      rest.push_back(trimmed.starts_with("Did you mean") ? std::string(trimmed) : line);
    }
  }
  if (text.find("last ") == std::string::npos)
    for (const auto& line : lines) rest.push_back("> " + line);
  for (const auto& cause : kCauses)
    if (text.find(cause.in_text) != std::string::npos) {
      rest.emplace_back(cause.hint);
      break;
    }
  return base::Error(
      "Nix can't provide " + package.name() + ": " + (first.empty() ? "it does not say why" : first),
      base::join(rest, "\n"), base::ExitCode::setup);
}

}  // namespace claudebox::packages
