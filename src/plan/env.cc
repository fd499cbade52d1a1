// The environment of the box (BOX-5): what is generated, what is taken from the host because it is harmless
// and programs need it, and what the user grants by name. Everything else stays outside.
#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/text.h"
#include "plan/box_view.h"
#include "plan/packages.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

/// Taken from the host where they are set. None of them is a credential by its nature.
constexpr std::array<std::string_view, 21> kFromHost = {"TERM",
                                                        "COLORTERM",
                                                        "TERM_PROGRAM",
                                                        "TERM_PROGRAM_VERSION",
                                                        "LANG",
                                                        "LANGUAGE",
                                                        "TZ",
                                                        "NO_COLOR",
                                                        "FORCE_COLOR",
                                                        "CLICOLOR",
                                                        "CLICOLOR_FORCE",
                                                        "COLORFGBG",
                                                        "LS_COLORS",
                                                        "LESS",
                                                        "EDITOR",
                                                        "VISUAL",
                                                        "PAGER",
                                                        "GIT_AUTHOR_NAME",
                                                        "GIT_AUTHOR_EMAIL",
                                                        "GIT_COMMITTER_NAME",
                                                        "GIT_COMMITTER_EMAIL"};
/// Certificate bundles of a corporate network: the variable and the file it names.
constexpr std::array<std::string_view, 6> kCertificates = {"SSL_CERT_FILE",  "NODE_EXTRA_CA_CERTS",
                                                           "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
                                                           "GIT_SSL_CAINFO", "NIX_SSL_CERT_FILE"};
constexpr std::array<std::string_view, 8> kProxies = {"http_proxy", "https_proxy", "all_proxy", "no_proxy",
                                                      "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"};

class EnvPass {
 public:
  EnvPass(const sys::HostView& host, Plan& plan) : host_(host), plan_(plan), view_(plan, host) {}

  void generated(const std::string& name, const std::string& value, const std::string& reason) {
    put({.name = name,
         .value = value,
         .kind = EnvVar::Kind::generated,
         .origin = {base::Origin::Kind::builtin, "generated", reason}});
  }

  void from_host() {
    const base::Origin origin{base::Origin::Kind::builtin, "allow-list", "programs need it; not a secret"};
    for (const auto& [name, value] : host_.environment()) {
      const bool listed = std::find(kFromHost.begin(), kFromHost.end(), name) != kFromHost.end();
      if ((listed || name.starts_with("LC_")) && !value.empty())
        put({.name = name, .value = value, .kind = EnvVar::Kind::host, .origin = origin, .from_host = true});
    }
    for (const auto name : kCertificates) certificate(std::string(name));
    if (plan_.network.value != Tier::offline)
      for (const auto name : kProxies) proxy(std::string(name));
  }

  /// What dev shells set. A variable that claudebox makes or takes from the host stays as it is.
  void from_devshells() {
    for (const auto& package : plan_.packages)
      for (const auto& [name, value] : package.variables) {
        const bool taken = std::any_of(plan_.env.begin(), plan_.env.end(),
                                       [&](const EnvVar& other) { return other.name == name; });
        if (!taken)
          put({.name = name,
               .value = value,
               .kind = EnvVar::Kind::generated,
               .origin = {package.origin.kind, package.origin.source, "set by the dev shell"}});
      }
  }

  /// The value that a dev shell has for a variable that the user grants; null where none has.
  const std::string* of_devshell(const std::string& name) const {
    for (const auto& package : plan_.packages)
      for (const auto* all : {&package.variables, &package.withheld})
        if (const auto found = all->find(name); found != all->end()) return &found->second;
    return nullptr;
  }

  void extra(const EnvRequest& wish, base::Diagnostics& problems) {
    EnvVar variable{.name = wish.name, .value = {}, .kind = EnvVar::Kind::extra, .origin = wish.origin};
    if (wish.value) {
      variable.value = *wish.value;
    } else {
      const std::string& there = wish.host_name.empty() ? wish.name : wish.host_name;
      const auto found = host_.environment().find(there);
      if (found == host_.environment().end() && wish.host_name.empty())
        if (const std::string* value = of_devshell(there)) {
          variable.value = *value;
          variable.from_devshell = true;
          return put(std::move(variable));
        }
      // What a dev shell has is known when it is resolved, and looked for again then.
      if (found == host_.environment().end() && !packages_resolved(plan_)) {
        variable.from_devshell = true;
        return put(std::move(variable));
      }
      if (found == host_.environment().end()) {
        const std::string as = there == wish.name ? "" : ", as " + wish.name;
        problems.add(
            "the variable " + there + " is not set here, so it can't be passed into the box" + as,
            "set it, give a value (--env " + wish.name + "=VALUE), or leave out " + wish.origin.source,
            base::ExitCode::setup);
        return;
      }
      variable.host_name = wish.host_name;
      variable.value = found->second;
      variable.from_host = true;
    }
    put(std::move(variable));
  }

  /// The caller's PATH as far as the box has it, after the box's own tools and before the system's.
  std::string path() {
    std::vector<std::string> entries = {plan_.user_home + "/.local/box/bin"};
    const auto add = [&](const std::string& entry) {
      if (std::find(entries.begin(), entries.end(), entry) == entries.end()) entries.push_back(entry);
    };
    for (const auto& package : plan_.packages)
      for (const auto& entry : package.path)
        if (view_.find(entry)) add(entry);
    for (const auto& entry : base::split(host_.variable("PATH").value_or(""), ':'))
      if (entry.starts_with('/') && view_.find(entry)) add(base::normalize(entry));
    for (const std::string standard : {"/usr/local/bin", "/usr/bin", "/bin", "/run/current-system/sw/bin"})
      if (view_.find(standard)) add(standard);
    return base::join(entries, ":");
  }

  std::string shell() {
    for (const std::string& candidate :
         {host_.identity().shell, std::string("/bin/bash"), std::string("/bin/sh")}) {
      if (candidate.empty()) continue;
      if (const auto file = view_.find(candidate); file && view_.is_program(*file)) return candidate;
    }
    return "/bin/sh";
  }

 private:
  void put(EnvVar variable) {
    const auto same = std::find_if(plan_.env.begin(), plan_.env.end(),
                                   [&](const EnvVar& other) { return other.name == variable.name; });
    if (same == plan_.env.end()) {
      plan_.env.push_back(std::move(variable));
    } else {
      *same = std::move(variable);
    }
  }

  void certificate(const std::string& name) {
    const auto value = host_.variable(name);
    if (!value || !value->starts_with('/')) return;
    const auto real = host_.real_path(*value);
    if (!real || host_.stat(*real).kind != sys::FileKind::file) return;
    const base::Origin origin{base::Origin::Kind::detected, name,
                              "certificates that programs must trust here"};
    if (!view_.find(*value))
      plan_.mounts.push_back({.kind = Mount::Kind::read_only,
                              .target = base::normalize(*value),
                              .source = *real,
                              .purpose = Purpose::system,
                              .origin = origin});
    put({.name = name, .value = *value, .kind = EnvVar::Kind::host, .origin = origin, .from_host = true});
  }

  void proxy(const std::string& name) {
    const auto value = host_.variable(name);
    if (!value) return;
    const base::Origin origin{base::Origin::Kind::builtin, "allow-list", "the way out of this network"};
    if (value->find('@') != std::string::npos) {
      plan_.notes.push_back({Note::Level::warning,
                             name + " holds a password and stays outside; --env " + name + " passes it in",
                             origin});
      return;
    }
    put({.name = name, .value = *value, .kind = EnvVar::Kind::host, .origin = origin, .from_host = true});
  }

  const sys::HostView& host_;
  Plan& plan_;
  BoxView view_;
};

}  // namespace

void plan_env(const Request& request, const sys::HostView& host, Plan& plan, base::Diagnostics& problems) {
  EnvPass pass(host, plan);
  pass.generated("HOME", base::normalize(host.identity().home), "your home path, the box's own content");
  pass.generated("USER", plan.user, "who you are");
  pass.generated("LOGNAME", plan.user, "who you are");
  pass.generated("SHELL", pass.shell(), "your shell, where the box has it");
  pass.generated("PATH", pass.path(), "your PATH, as far as the box has it");
  pass.generated("TMPDIR", "/tmp", "private to the box");
  pass.generated("NPM_CONFIG_PREFIX", plan.user_home + "/.local/box",
                 "so that npm install -g works in the box");
  if (plan.nix_daemon) pass.generated("NIX_REMOTE", "daemon", "nix would take a store of its own");
  pass.generated("CLAUDEBOX", plan.instance.id, "says that this is a box");
  pass.from_host();
  pass.from_devshells();
  for (const auto& wish : request.env) pass.extra(wish, problems);
}

}  // namespace claudebox::plan
