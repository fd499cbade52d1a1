// What an approval covers (AUD-3).
//
// Theory of operation. An approval answers one question: may a box with these grants exist? So the text holds
// what a box may reach and write, and leaves out
//  - the command: the user typed it just now, and whatever it is, it can't leave the box;
//  - what only narrows: covers, guards, the box's own empty and generated files, the system's part, which
//  claudebox
//    chooses and which changes with every package that the host installs;
//  - generated variables and the allow-listed ones of the host, which hold no secret by their nature and
//  differ from
//    terminal to terminal;
//  - what a package or a dev shell came to: its name is the grant, and a local flake has an approval of its own;
//  - the value of a variable that is taken from the host by name: the name is the grant, and tokens are
//  renewed.
// Version numbers in the paths of tools and the agent are blanked, so that an update of the agent is not a
// question. Limits narrow, but their going away gives the box more, so they are in it as they apply here. A plan that
// loses a grant differs as well; it is shown and asked like one that gains one.
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"
#include "plan/limits.h"
#include "render/audit.h"
#include "render/page.h"
#include "render/sensitive.h"

namespace claudebox::render {
namespace {

using plan::EnvVar;
using plan::Mount;
using plan::Purpose;

/// One line and no doubt where it ends: bare where it is plain, else in double quotes with \xNN.
std::string word(std::string_view text) {
  const auto plain = [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return std::string(text);
  std::string out = "\"";
  char buffer[8];
  for (const char c : text) {
    if (plain(c) || c == ' ') {
      out += c;
    } else {
      std::snprintf(buffer, sizeof buffer, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += buffer;
    }
  }
  return out += '"';
}

/// "2.1.5", "v20.11.0", "3.12.1-rc1": digits and dots at the start, at least one dot.
bool is_version(std::string_view name) {
  if (name.starts_with('v')) name.remove_prefix(1);
  const std::size_t end = std::min(name.find_first_not_of("0123456789."), name.size());
  const std::string_view number = name.substr(0, end);
  return !number.empty() && number.front() != '.' && number.find('.') != std::string_view::npos &&
         (end == name.size() || name[end] == '-' || name[end] == '+');
}

std::string without_versions(const std::string& path) {
  auto parts = base::split(path, '/');
  for (auto& part : parts)
    if (is_version(part)) part = "*";
  return base::join(parts, "/");
}

/// Chosen by claudebox and without a secret, see above.
bool is_the_systems(const plan::Plan& plan, const Mount& mount) {
  return mount.purpose == Purpose::system && !base::is_within(mount.source, plan.user_home);
}

std::string mount_line(const Mount& mount) {
  const bool versioned = mount.purpose == Purpose::agent || mount.purpose == Purpose::home;
  const auto shown = [&](const std::string& path) { return word(versioned ? without_versions(path) : path); };
  std::string line = mount.kind == Mount::Kind::writable ? "mount rw " : "mount ro ";
  line += shown(mount.source);
  if (mount.target != mount.source) line += " on " + shown(mount.target);
  return line;
}

/// Two digits of the digest, salted with the instance: they tell a changed value from the same one (255 of
/// 256 times), and are no help in guessing a password from the file that this is stored in.
std::string trace_of(const plan::Plan& plan, const EnvVar& variable) {
  return base::sha256_hex(plan.instance.id + "\n" + variable.name + "\n" + variable.value).substr(0, 2);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines = base::split(text, '\n');
  std::erase(lines, "");
  return lines;
}

using Reasons = std::vector<std::string>;

/// A line of the text, and why to think twice about what it grants: that is shown, and not stored.
using Grants = std::vector<std::pair<std::string, Reasons>>;

/// The lines of `a` that `b` lacks.
std::vector<std::string> missing(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const std::multiset<std::string> there(b.begin(), b.end());
  std::multiset<std::string> taken;
  std::vector<std::string> out;
  for (const auto& line : a) {
    if (taken.count(line) < there.count(line)) {
      taken.insert(line);
    } else {
      out.push_back(line);
    }
  }
  return out;
}

Reasons reason(std::string text) {
  return text.empty() ? Reasons() : Reasons{std::move(text)};
}

void add_network(const plan::Plan& plan, Grants& grants) {
  grants.push_back({"network " + std::string(plan::tier_name(plan.network.value)), {}});
  if (plan.network.value == plan::Tier::full && !plan.scope_abstract_sockets)
    grants.push_back({"network reaches the host's abstract sockets", {}});
  const auto port_of = [](std::uint16_t port) { return port == 0 ? "" : " port " + std::to_string(port); };
  for (const auto& allowed : plan.net.allow)
    grants.push_back({"network allows " + word(allowed.pattern), {}});
  for (const auto& lan : plan.net.lan)
    grants.push_back({"network opens " + word(lan.prefix.empty() ? lan.name : lan.prefix) + port_of(lan.port),
                      reason(lan_danger(lan))});
  for (const auto& port : plan.net.publish)
    grants.push_back(
        {"network publishes port " + std::to_string(port.box_port) + " at " + std::to_string(port.host_port),
         {}});
  for (const auto& port : plan.net.reach)
    grants.push_back({"network reaches host port " + std::to_string(port.port), reason(reach_danger(port))});
  if (plan.nix_daemon)
    grants.push_back({"network has the Nix daemon build outside the box", nix_daemon_dangers()});
}

void add_mounts(const plan::Plan& plan, Grants& grants) {
  std::map<std::string, Reasons> mounts;
  for (const auto& mount : plan.mounts) {
    if (!mount.is_bind() || mount.purpose == Purpose::protection || is_the_systems(plan, mount)) continue;
    if (mount.target == plan.project.root && mount.purpose == Purpose::project) continue;  // said apart
    if (base::is_within(mount.source, plan.instance.directory)) continue;                  // the box's own
    mounts.emplace(mount_line(mount), mount_dangers(plan, mount));
  }
  grants.insert(grants.end(), mounts.begin(), mounts.end());
}

void add_variables(const plan::Plan& plan, Grants& grants) {
  std::map<std::string, Reasons> variables;
  for (const auto& variable : plan.env) {
    if (variable.kind != EnvVar::Kind::extra) continue;
    variables.emplace("env " + word(variable.name) +
                          (variable.from_host && !variable.host_name.empty()
                               ? " from the host's " + word(variable.host_name)
                           : variable.from_host     ? " from the host"
                           : variable.from_devshell ? " from the dev shell"
                                                    : " with value #" + trace_of(plan, variable)),
                      reason(variable_danger(variable)));
  }
  grants.insert(grants.end(), variables.begin(), variables.end());
}

Grants grants_of(const plan::Plan& plan) {
  Grants grants;
  add_network(plan, grants);
  grants.push_back(
      {std::string("project ") + (plan.project.read_only ? "ro " : "rw ") + word(plan.project.root), {}});
  if (const auto mode = plan.login.mode.value; mode != plan::LoginMode::none) {
    const bool store = mode == plan::LoginMode::store;
    grants.push_back(
        {"login " + std::string(plan::login_name(mode)) + (store ? " " + word(plan.login.store) : ""),
         store ? reason("holds a refresh token, which every box with it can use or revoke") : Reasons()});
  }
  for (const auto& package : plan.packages)
    grants.push_back({std::string(package.kind == plan::Package::Kind::devshell ? "devshell " : "package ") +
                          word(package.name()),
                      {}});
  grants.push_back(
      {"user " + std::to_string(plan.uid) + (plan.nested ? "" : " without nested sandboxes"), {}});
  for (const auto& limit : plan.limits.all)
    if (limit.by != plan::Limit::By::nothing)
      grants.push_back({"limit " + std::string(plan::limit_name(limit.kind)) + " " +
                            plan::limit_amount(limit.kind, limit.amount) +
                            (limit.by == plan::Limit::By::group ? " for the whole box" : ""),
                        {}});
  add_mounts(plan, grants);
  add_variables(plan, grants);
  for (const auto& note : plan.notes)
    if (note.level == plan::Note::Level::danger) grants.push_back({"danger " + word(note.text), {}});
  return grants;
}

}  // namespace

std::string approval_text(const plan::Plan& plan) {
  std::string text;
  for (const auto& [line, reasons] : grants_of(plan)) text += line + "\n";
  return text;
}

std::string audit_difference(const std::string& approved, const plan::Plan& plan, const Style& style) {
  Page page(style, secrets_of(plan));
  const auto before = lines_of(approved);
  const auto now = grants_of(plan);
  std::vector<std::string> after;
  for (const auto& [line, reasons] : now) after.push_back(line);
  const auto gone = missing(before, after);
  const auto come = missing(after, before);
  if (gone.empty() && come.empty()) return {};
  page.put({{"changed since you approved it", Role::strong}});
  for (const auto& line : gone) page.put({{"  - ", Role::dim}}, 4, {{line, Role::dim}});
  for (const auto& line : come) {
    const auto grant =
        std::find_if(now.begin(), now.end(), [&](const auto& each) { return each.first == line; });
    const bool danger = !grant->second.empty() || line.starts_with("danger ");
    const Role role = danger ? Role::danger : Role::warning;
    page.put({{(danger ? std::string(page.danger_mark()) : " ") + " + ", role}}, 4, {{line, role}});
    for (const auto& why : grant->second) page.put({}, 6, {{why, Role::danger}});
  }
  return page.take();
}

}  // namespace claudebox::render
