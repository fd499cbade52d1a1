#include "profile/schema.h"

#include <algorithm>
#include <array>

#include "profile/keys.h"

namespace claudebox::profile {
namespace {

using plan::Tier;

constexpr Tiers kAllowlist = tier_bit(Tier::allowlist);
constexpr Tiers kGateway = tier_bit(Tier::internet) | kAllowlist;
constexpr Tiers kOwnNetwork = kGateway | tier_bit(Tier::offline);

constexpr std::string_view kProtected = "true, where you lifted it";
constexpr std::string_view kLifted = "false";

constexpr Key protection(std::string_view name, std::string_view summary) {
  return {.name = name,
          .type = Type::boolean,
          .value = "true|false",
          .choices = {},
          .summary = summary,
          .tightens = kProtected,
          .widens = kLifted,
          .apply = apply_protect,
          .effect = effect_of_protect};
}

constexpr Key limit(std::string_view name, std::string_view value, std::string_view summary) {
  return {.name = name,
          .type = Type::amount,
          .value = value,
          .choices = {},
          .summary = summary,
          .tightens = "less than you asked for, or where you asked for none",
          .widens = "more, or none",
          .apply = apply_limit,
          .effect = effect_of_limit};
}

constexpr auto kKeys = std::to_array<Key>({
    {.name = "extends",
     .type = Type::list,
     .value = "NAME",
     .choices = {},
     .summary = "profiles that this one builds on, the later over the earlier",
     .tightens = "never",
     .widens = "always",
     .apply = apply_name,
     .effect = always_widens,
     .identity = whole_text},
    {.name = "network",
     .type = Type::text,
     .value = "TIER",
     .choices = "internet allowlist offline full",
     .summary = "how much network the box has, as --network",
     .tightens = "less than you asked for: offline < allowlist < internet < full",
     .widens = "more",
     .apply = apply_network,
     .effect = effect_of_network},
    {.name = "allow",
     .type = Type::list,
     .value = "HOST",
     .choices = {},
     .summary = "hosts that the tier allowlist reaches, as --allow",
     .tightens = "where you asked for internet or full, which reach them anyway",
     .widens = "where you asked for allowlist or offline",
     .apply = apply_allow,
     .effect = effect_of_allow,
     .identity = whole_text,
     .tiers = kAllowlist},
    {.name = "publish",
     .type = Type::list,
     .value = "[HOSTPORT:]PORT",
     .choices = {},
     .summary = "ports of the box at the host's loopback, as --publish",
     .tightens = "never",
     .widens = "always",
     .apply = apply_publish,
     .effect = always_widens,
     .identity = host_port,
     .tiers = kOwnNetwork},
    {.name = "reach",
     .type = Type::list,
     .value = "PORT",
     .choices = {},
     .summary = "ports of the host's loopback in the box, as --reach",
     .tightens = "never",
     .widens = "always",
     .apply = apply_reach,
     .effect = always_widens,
     .identity = whole_text,
     .tiers = kOwnNetwork},
    {.name = "lan",
     .type = Type::list,
     .value = "DEST",
     .choices = {},
     .summary = "private destinations that are opened, as --lan",
     .tightens = "never",
     .widens = "always",
     .apply = apply_lan,
     .effect = always_widens,
     .identity = whole_text,
     .tiers = kGateway},
    {.name = "mounts",
     .type = Type::list,
     .value = "SRC[:DST][:ro|rw]",
     .choices = {},
     .summary = "paths of the host in the box, as --mount; ~, $NAME and ${NAME} are filled in",
     .tightens = "never",
     .widens = "always",
     .apply = apply_mount,
     .effect = always_widens,
     .identity = mount_target,
     .paths = true},
    {.name = "env",
     .type = Type::list,
     .value = "NAME[=OTHER_NAME]",
     .choices = {},
     .summary =
         "variables of the host that the box gets; NAME=OTHER_NAME hands in OTHER_NAME's value as NAME",
     .tightens = "never",
     .widens = "always",
     .apply = apply_env,
     .effect = always_widens,
     .identity = variable_name},
    {.name = "agent",
     .type = Type::text,
     .value = "NAME",
     .choices = "claude codex gemini opencode",
     .summary = "the coding agent, as --agent",
     .tightens = "never",
     .widens = "unless it is what you asked for",
     .apply = apply_agent,
     .effect = effect_of_agent},
    {.name = "auth",
     .type = Type::text,
     .value = "MODE",
     .choices = {},
     .summary = "what the agent logs in with, as --auth: broker, store, store:NAME, env, none",
     .tightens = "none",
     .widens = "everything else, unless it is what you asked for",
     .apply = apply_auth,
     .effect = effect_of_auth},
    {.name = "packages",
     .type = Type::list,
     .value = "PKG",
     .choices = {},
     .summary = "packages that Nix provides, as --package: NAME of nixpkgs, or FLAKE#NAME",
     .tightens = "never",
     .widens = "always",
     .apply = apply_package,
     .effect = always_widens,
     .identity = whole_text,
     .paths = true},
    {.name = "devshell",
     .type = Type::text_or_boolean,
     .value = "true|FLAKE[#NAME]",
     .choices = {},
     .summary = "the dev shell of the project's own flake, or of another, as --devshell",
     .tightens = "false",
     .widens = "always, unless it is what you asked for",
     .apply = apply_devshell,
     .effect = effect_of_devshell,
     .paths = true},
    {.name = "nested",
     .type = Type::boolean,
     .value = "true|false",
     .choices = {},
     .summary = "whether sandboxes can be made in the box",
     .tightens = "false",
     .widens = "true, where you said false",
     .apply = apply_nested,
     .effect = effect_of_nested},
    {.name = "audit",
     .type = Type::text,
     .value = "WHEN",
     .choices = "changed always",
     .summary = "when you are asked before a start: where something changed, or always",
     .tightens = "always",
     .widens = "changed, where you said always",
     .apply = apply_audit,
     .effect = effect_of_audit},
    {.name = "nix-daemon",
     .type = Type::boolean,
     .value = "true|false",
     .choices = {},
     .summary = "whether the box builds with this machine's Nix daemon, as --nix-daemon",
     .tightens = "false",
     .widens = "true, unless you asked for it",
     .apply = apply_nix_daemon,
     .effect = effect_of_nix_daemon},
    {.name = "nix-daemon-network",
     .type = Type::boolean,
     .value = "true|false",
     .choices = {},
     .summary = "also in offline and allowlist, which its builds leave, as --nix-daemon-network",
     .tightens = "false",
     .widens = "true, unless you asked for it",
     .apply = apply_nix_daemon_network,
     .effect = effect_of_nix_daemon_network},
    limit("limits.memory", "8G|none", "memory, as --limit memory=; K, M, G or T"),
    limit("limits.cpu", "150%|none", "processor time, as --limit cpu=; 100% is one core"),
    limit("limits.processes", "500|none", "processes and threads at a time, as --limit processes="),
    limit("limits.open-files", "4096|none", "open files of each process, as --limit open-files="),
    protection("protect.git-config", "git's configuration, and what redirects it or is named in it"),
    protection("protect.git-hooks", "git's hooks, core.hooksPath and what hooks lead to"),
    protection("protect.git-remotes", "git's older places for remotes: remotes and branches"),
    protection("protect.claude", ".claude/settings.json and .claude/settings.local.json"),
    protection("protect.mcp", ".mcp.json"),
    protection("protect.codex", ".codex/config.toml"),
    protection("protect.gemini", ".gemini/settings.json"),
    protection("protect.opencode", "opencode.json, opencode.jsonc, and .opencode's plugins and tools"),
    protection("protect.vscode", ".vscode"),
    protection("protect.idea", ".idea"),
    protection("protect.envrc", ".envrc"),
    protection("protect.husky", ".husky"),
});

}  // namespace

bool Entry::is_boolean() const {
  return key->type == Type::boolean || (key->type == Type::text_or_boolean && text.empty());
}

std::string_view Key::table() const {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

std::string_view Key::leaf() const {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

std::span<const Key> keys() {
  return kKeys;
}

const Key* find_key(std::string_view name) {
  const auto* found =
      std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& key) { return key.name == name; });
  return found == kKeys.end() ? nullptr : &*found;
}

}  // namespace claudebox::profile
