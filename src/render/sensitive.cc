#include "render/sensitive.h"

#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/secret.h"
#include "net/address.h"
#include "net/special_purpose.h"
#include "plan/agent.h"
#include "plan/known_secrets.h"
#include "render/audit.h"

namespace claudebox::render {
namespace {

using plan::EnvVar;
using plan::known_secrets;
using plan::KnownSecret;
using plan::Mount;
using plan::Purpose;

/// A value this short is masked where it stands but not looked for elsewhere: it would blot out ordinary
/// words.
constexpr std::size_t kShortestTrace = 6;

/// "SSH keys: can log in as you elsewhere"
std::string with_consequence(std::string_view what, std::string_view allows) {
  return std::string(what) + ": can " + std::string(allows);
}

std::string told(const KnownSecret& secret) {
  return with_consequence(secret.what, secret.allows);
}

/// A path as it is and as it stands below home (empty where it does not), to be held against the table, which has both
/// kinds.
struct Place {
  Place(std::string_view path, std::string_view home) : absolute(path) {
    if (path.size() > home.size() && base::is_within(path, home))
      below_home = path.substr(home == "/" ? 1 : home.size() + 1);
  }
  std::string_view absolute;
  std::string_view below_home{};

  bool lies_in(const KnownSecret& secret) const {
    if (secret.path.starts_with('/')) return base::is_within(absolute, secret.path);
    return !below_home.empty() && base::is_within(below_home, secret.path);
  }
};

/// Whether the place of `secret` lies in `directory`.
bool holds(std::string_view directory, const KnownSecret& secret, std::string_view home) {
  if (secret.path.starts_with('/')) return base::is_within(secret.path, directory);
  if (base::is_within(home, directory)) return true;
  const Place place(directory, home);
  return !place.below_home.empty() && base::is_within(secret.path, place.below_home);
}

/// The most exact entry that `path` is or lies in.
const KnownSecret* entry_around(std::string_view path, std::string_view home) {
  const Place place(path, home);
  const KnownSecret* best = nullptr;
  for (const auto& secret : known_secrets())
    if (place.lies_in(secret) && (!best || secret.path.size() > best->path.size())) best = &secret;
  return best;
}

/// "the place of SSH keys, GPG keys, AWS credentials and 30 more"
std::string secrets_inside(std::string_view directory, std::string_view home) {
  std::vector<std::string_view> inside;
  for (const auto& secret : known_secrets())
    if (holds(directory, secret, home) &&
        std::find(inside.begin(), inside.end(), secret.what) == inside.end())
      inside.push_back(secret.what);
  if (inside.empty()) return {};
  constexpr std::size_t kNamed = 3;
  std::string text = "the place of ";
  for (std::size_t i = 0; i < std::min(inside.size(), kNamed); ++i)
    (text += i == 0 ? "" : i + 1 == inside.size() ? " and " : ", ") += inside[i];
  if (inside.size() > kNamed) text += " and " + std::to_string(inside.size() - kNamed) + " more";
  return with_consequence(text, "use each of them");
}

/// What the socket of a session is, whoever's: /run/user/UID/NAME.
std::string session_socket(std::string_view path) {
  constexpr std::string_view prefix = "/run/user/";
  if (path.starts_with("/tmp/ssh-")) return with_consequence("the SSH agent", "log in as you elsewhere");
  if (!path.starts_with(prefix)) return {};
  const std::size_t slash = path.find('/', prefix.size());
  if (slash == std::string_view::npos) return {};
  for (const auto& known : plan::runtime_sockets())
    if (path.substr(slash + 1).starts_with(known.path)) return told(known);
  return {};
}

std::string by_name(std::string_view path) {
  const auto* known = plan::told_by_name(base::base_name(path));
  return known ? told(*known) : std::string();
}

/// By what is known to lie there, whatever its name.
std::string by_place(std::string_view path, std::string_view home) {
  if (std::string socket = session_socket(path); !socket.empty()) return socket;
  if (const auto* entry = entry_around(path, home)) return told(*entry);
  if (path == "/") return "the whole host, with every secret on it";
  if (path == home) return "your whole home directory: " + secrets_inside(path, home);
  if (base::is_within(home, path)) return "your home directory lies in it: " + secrets_inside(home, home);
  if (base::is_within(path, home)) return secrets_inside(path, home);
  if (base::is_within(path, "/home")) return "another user's home directory";
  if (base::is_within(path, "/root")) return "root's home directory";
  return secrets_inside(path, home);
}

/// A line for each of the first: "holds an SSH key (keys/id_rsa): can log in as you elsewhere".
std::vector<std::string> found_inside(const Mount& mount) {
  constexpr std::size_t kNamed = 2;
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < std::min(mount.inside.size(), kNamed); ++i)
    if (const auto* known = plan::told_by_name(base::base_name(mount.inside[i])))
      lines.push_back(with_consequence("holds " + std::string(known->what) + " (" + mount.inside[i] + ")",
                                       known->allows));
  if (mount.inside.size() > kNamed)
    lines.push_back("and " + std::to_string(mount.inside.size() - kNamed) + " more of that kind");
  return lines;
}

/// Why the source of `mount` is sensitive. What claudebox chose is judged by its place only: a tool's
/// directory may be called anything.
std::string source_danger(const plan::Plan& plan, const Mount& mount) {
  if (mount.purpose == Purpose::extra) return sensitive_path(mount.source, plan.user_home);
  // The skills, commands and memory of the user's agent, which it is meant to have; its login is another
  // matter.
  const std::string_view directory = plan::agent_of(plan).state_directory;
  const std::string settings = base::path_join(plan.user_home, directory);
  if (mount.purpose == Purpose::agent && base::is_within(mount.source, settings) &&
      mount.source != settings) {
    const auto* entry = entry_around(mount.source, plan.user_home);
    return entry && entry->path != directory ? told(*entry) : std::string();
  }
  return by_place(mount.source, plan.user_home);
}

/// Here or in the box: under a harmless name a token is a token still.
bool has_secret_name(const EnvVar& variable) {
  return base::secret_name(variable.name) || base::secret_name(variable.host_name);
}

}  // namespace

std::string sensitive_path(std::string_view path, std::string_view home) {
  const std::string reason = by_place(path, home);
  return reason.empty() ? by_name(path) : reason;
}

std::string mask(std::string_view value) {
  return base::mask(value);
}
bool secret_name(std::string_view name) {
  return base::secret_name(name);
}

std::vector<std::string> mount_dangers(const plan::Plan& plan, const Mount& mount) {
  std::vector<std::string> dangers;
  if (!mount.is_bind() || mount.purpose == Purpose::protection) return dangers;
  if (mount.purpose == Purpose::login) return dangers;  // what it means stands with the login
  if (!plan.instance.directory.empty() && base::is_within(mount.source, plan.instance.directory))
    return dangers;
  // The system's part is chosen by claudebox and holds no secrets; what comes from home is looked at all the
  // same.
  if (mount.purpose == Purpose::system && !base::is_within(mount.source, plan.user_home)) return dangers;

  if (std::string reason = source_danger(plan, mount); !reason.empty()) dangers.push_back(std::move(reason));
  for (auto& inside : found_inside(mount)) dangers.push_back(std::move(inside));
  if (mount.kind == Mount::Kind::writable && mount.purpose == Purpose::extra &&
      !base::is_within(mount.source, plan.project.root)) {
    const bool acts = std::any_of(
        plan::places_that_act().begin(), plan::places_that_act().end(), [&](std::string_view place) {
          const std::string path =
              place.starts_with('/') ? std::string(place) : base::path_join(plan.user_home, place);
          return base::is_within(mount.source, path) || base::is_within(path, mount.source);
        });
    dangers.emplace_back(acts ? "writable outside the project, and what is in it runs on your host"
                              : "writable outside the project");
  }
  return dangers;
}

std::string variable_danger(const EnvVar& variable) {
  if (const auto kind = base::secret_kind(variable.value); !kind.what.empty())
    return with_consequence("holds " + std::string(kind.what), kind.allows);
  if (variable.kind == EnvVar::Kind::generated) return {};
  for (const auto& known : plan::telling_variables())
    if (variable.name == known.path || variable.host_name == known.path) return told(known);
  if (has_secret_name(variable)) return with_consequence("a secret by its name", "log in where it is valid");
  return {};
}

std::string lan_danger(const plan::LanDestination& lan) {
  const std::string ports = lan.port == 0 ? ", on every port" : "";
  if (!lan.name.empty()) return "whatever private address that name leads to" + ports;
  const auto prefix = net::Prefix::parse(lan.prefix);
  if (!prefix) return "may be private" + ports;
  const char* reason = net::special_purpose(prefix->address);
  const bool single = *prefix == net::Prefix::host(prefix->address);
  const std::string what = single ? "one address" : "a whole network";
  return (reason ? what + " that is not public (" + reason + ")" : what + ", whatever its name") + ports;
}

std::string reach_danger(const plan::ReachedPort& reached) {
  for (const auto& [first, last, what] : plan::telling_ports())
    if (reached.port >= first && reached.port <= last) return std::string(what);
  return {};
}

std::vector<std::string> nix_daemon_dangers() {
  return {
      "builds outside the box, with this machine's network: the internet, your local network, its loopback",
      "reads every path of the store: other projects' sources, and secrets that came into it"};
}

bool is_secret(const EnvVar& variable) {
  if (!base::secret_shape(variable.value).empty()) return true;
  return variable.kind != EnvVar::Kind::generated && has_secret_name(variable);
}

std::vector<std::string> secrets_of(const plan::Plan& plan) {
  std::vector<std::string> secrets;
  for (const auto& variable : plan.env)
    if (variable.value.size() >= kShortestTrace && is_secret(variable)) secrets.push_back(variable.value);
  // The longest first: one secret may stand in another.
  std::sort(secrets.begin(), secrets.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  return secrets;
}

}  // namespace claudebox::render
