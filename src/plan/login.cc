// What the agent in the box is logged in with (AUTH-1 to AUTH-4).
//
// Theory of operation. A refresh token is used once: whoever uses a copy of it logs out everybody else, and a client that
// can't write the new one down has lost the login. So a refresh token is never copied, linked or bound by itself, and in the
// usual mode no box has one:
//
//   broker   The box has a directory in memory, read-only, with the access token. claudebox writes it from outside, from
//            the user's own credential file, and has the user's own client renew that before it runs out.
//   store    Boxes share a directory of their own, writable, with the client's own locks in it. The login was made in a box.
//   env      Variables that the user grants.
//   none     Nothing. What somebody logs in to in a box stays in that instance.
//
// Without --auth it is env where the user granted a variable that carries a login, else broker where the user is logged in,
// else none; never store, which gives the box more than it needs. Only the agent itself is not started without the login
// that is there: another command may well do without.
#include <algorithm>
#include <cstdio>

#include "base/path.h"
#include "base/text.h"
#include "plan/agent.h"
#include "plan/build.h"
#include "plan/credential.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

using base::ExitCode;
using base::Origin;

/// Where the box finds its login.
constexpr std::string_view kPlace = "/run/claudebox/login";
/// A store's directory holds the one that the agent is told of: older clients make a lock beside that.
constexpr std::string_view kStore = "store";

/// Whether version `a` is older than `b`: "2.1.99" and "2.1.144".
bool is_older(const std::string& a, std::string_view b) {
  int x[3]{};
  int y[3]{};
  if (std::sscanf(a.c_str(), "%d.%d.%d", &x[0], &x[1], &x[2]) < 2) return false;  // not known: it may be new
  std::sscanf(std::string(b).c_str(), "%d.%d.%d", &y[0], &y[1], &y[2]);
  return std::lexicographical_compare(std::begin(x), std::end(x), std::begin(y), std::end(y));
}

class LoginPass {
 public:
  LoginPass(const Request& request, const sys::HostView& host, const Agent& agent, Plan& plan,
            base::Diagnostics& problems)
      : request_(request),
        host_(host),
        agent_(agent),
        login_(agent.login),
        plan_(plan),
        problems_(problems) {}

  void run() {
    if (request_.action == Action::selftest) return choose(LoginMode::none, "a self-test needs no login");
    if (!request_.login) return choose_by_what_is_there();
    plan_.login.mode = *request_.login;
    switch (request_.login->value) {
      case LoginMode::broker:
        return ask_for_broker();
      case LoginMode::store:
        return use_store();
      case LoginMode::env:
        return pass_variables();
      case LoginMode::none:
        return;
    }
  }

 private:
  void choose(LoginMode mode, const std::string& reason) {
    plan_.login.mode = {mode, {Origin::Kind::detected, "login", reason}};
  }

  void choose_by_what_is_there() {
    if (plan_.login.variables = granted(); !plan_.login.variables.empty())
      return choose(LoginMode::env, "you granted " + base::join(plan_.login.variables, ", "));
    if (login_.directory_variable.empty()) return leave_to_instance();
    const auto program = find_agent(host_, agent_);
    // Planning the command says so, where it is the agent.
    if (!program) return choose(LoginMode::none, "there is no " + name() + " on this host");
    const std::string why = use_broker(*program);
    if (why.empty()) return choose(LoginMode::broker, "you are logged in on this host");
    choose(LoginMode::none, why);
    if (request_.action != Action::agent) return;
    if (!logged_out_) return problems_.add(why, remedy(), ExitCode::setup);
    note(why + ": " + std::string(agent_.command) +
         " on this host logs in (/login), --auth store lets you log in in a box" + offered());
  }

  void leave_to_instance() {
    choose(LoginMode::none, name() + " keeps its login in its state, in this instance");
    if (request_.action != Action::agent ||
        host_.stat(base::path_join(plan_.instance.home, login_.file)).exists())
      return;
    note("no login of " + name() + " in this instance yet: log in in the box, where it stays" + offered());
  }

  void ask_for_broker() {
    if (refuse_without_directory()) return;
    const auto program = find_agent(host_, agent_);
    if (!program)
      return problems_.add(
          "--auth broker needs " + std::string(agent_.command) + " on this host, to renew the login",
          std::string(agent_.install_hint), ExitCode::setup);
    if (const std::string why = use_broker(*program); !why.empty())
      problems_.add(why, remedy(), ExitCode::setup);
  }

  /// Plans it. Gives why it can't be had, else nothing.
  std::string use_broker(const std::string& program) {
    const std::string directory = host_directory();
    const std::string path = base::path_join(directory, login_.file);
    const auto real = host_.real_path(directory);
    const auto kind = real ? host_.stat(path).kind : sys::FileKind::missing;
    logged_out_ = kind == sys::FileKind::missing;
    if (logged_out_) return "you are not logged in: there is no " + shown(path);
    if (kind != sys::FileKind::file) return shown(path) + " is no file";
    if (!host_.readable(path)) return shown(path) + " can't be read by you";
    const auto read = read_credential(host_.read_file(path, kMaxCredential).value_or("[]"));
    if (const auto* none = std::get_if<NoCredential>(&read)) {
      logged_out_ = none->kind == NoCredential::Kind::logged_out;
      return shown(path) + " " + none->reason;
    }
    if (std::string old = too_old(program); !old.empty()) return old;

    Login& login = plan_.login;
    describe(std::get<Credential>(read));
    login.directory = *real;
    login.file = login_.file;
    login.renewal = {program};
    login.renewal.insert(login.renewal.end(), login_.renewal.begin(), login_.renewal.end());
    login.renewal_directory = base::path_join(state_root(host_), "renewal/" + name());
    login.renewal_set = {{std::string(agent_.state_variable), login.renewal_directory},
                         {std::string(login_.directory_variable), *real}};
    for (const auto name : login_.renewal_switches) login.renewal_set.emplace(name, "1");
    login.renewal_unset = {login_.variables.begin(), login_.variables.end()};
    login.renewal_unset.insert(login.renewal_unset.end(), login_.session.begin(), login_.session.end());
    plan_.mounts.push_back(
        {.kind = Mount::Kind::login,
         .target = std::string(kPlace),
         .purpose = Purpose::login,
         .origin = {Origin::Kind::builtin, "login", "your access token, kept fresh from outside"}});
    tell_agent(std::string(kPlace), "its login, which only claudebox writes");
    return {};
  }

  void use_store() {
    if (refuse_without_directory()) return;
    if (const auto program = find_agent(host_, agent_))
      if (const std::string old = too_old(*program); !old.empty())
        return problems_.add(old, remedy(), ExitCode::setup);
    Login& login = plan_.login;
    login.store = request_.login_store.empty() ? "default" : request_.login_store;
    const std::string whole = base::path_join(state_root(host_), "logins/" + name() + "/" + login.store);
    login.directory = base::path_join(whole, kStore);
    login.file = login_.file;
    login.backup = whole + ".last-good";
    login.lock = base::path_join(login.directory, login_.lock);
    if (const auto text = host_.read_file(base::path_join(login.directory, login.file), kMaxCredential)) {
      const auto read = read_credential(*text);
      if (const auto* credential = std::get_if<Credential>(&read)) {
        describe(*credential);
      } else if (host_.stat(login.backup).exists()) {
        note("the login of --auth store:" + login.store + " " + std::get<NoCredential>(read).reason +
             "; its last good one is kept in " + shown(login.backup));
      }
    }
    plan_.mounts.push_back({.kind = Mount::Kind::writable,
                            .target = std::string(kPlace),
                            .source = whole,
                            .purpose = Purpose::login,
                            .origin = login.mode.origin});
    tell_agent(base::path_join(kPlace, kStore), "its login, shared with other boxes");
  }

  void pass_variables() {
    auto& variables = plan_.login.variables;
    variables = granted();
    for (const auto name : login_.variables) {
      const auto value = host_.variable(name);
      if (!value || std::find(variables.begin(), variables.end(), name) != variables.end()) continue;
      plan_.env.push_back({.name = std::string(name),
                           .value = *value,
                           .kind = EnvVar::Kind::extra,
                           .origin = plan_.login.mode.origin,
                           .from_host = true});
      variables.emplace_back(name);
    }
    if (!variables.empty()) return;
    std::vector<std::string> names(login_.variables.begin(), login_.variables.end());
    problems_.add("--auth env: none of the variables that log " + name() + " in is set",
                  "set one of " + base::join(names, ", ") + ", or grant it with --env NAME=VALUE",
                  ExitCode::setup);
  }

  bool refuse_without_directory() {
    if (!login_.directory_variable.empty()) return false;
    problems_.add("--auth " + std::string(login_name(plan_.login.mode.value)) + ": " + name() +
                      " keeps its login in its state, so it can't be kept apart",
                  "log in in a box, where it stays in this instance; or --auth env", ExitCode::usage);
    return true;
  }

  std::string too_old(const std::string& program) const {
    const std::string version = agent_version(host_, program);
    if (!is_older(version, login_.directory_since)) return {};
    return std::string(agent_.command) + " " + version +
           " is too old for a login apart from its state: " + std::string(login_.directory_since) +
           " or later is needed";
  }

  void describe(const Credential& credential) {
    plan_.login.valid_until = credential.expires_at;
    plan_.login.expired = credential.expires_at <= host_.now();
    plan_.login.subscription = credential.subscription;
  }

  /// Wins over a value that the user granted: the agent would look for its login where it is not.
  void tell_agent(std::string directory, std::string reason) {
    EnvVar variable{.name = std::string(login_.directory_variable),
                    .value = std::move(directory),
                    .kind = EnvVar::Kind::generated,
                    .origin = {Origin::Kind::builtin, "login", std::move(reason)}};
    std::erase_if(plan_.env, [&](const EnvVar& other) { return other.name == variable.name; });
    plan_.env.push_back(std::move(variable));
  }

  /// Variables of the box that carry a login and were granted by name.
  std::vector<std::string> granted() const {
    std::vector<std::string> names;
    for (const auto& variable : plan_.env)
      if (variable.kind == EnvVar::Kind::extra && !variable.value.empty() &&
          std::find(login_.variables.begin(), login_.variables.end(), variable.name) !=
              login_.variables.end())
        names.push_back(variable.name);
    return names;
  }

  /// Where the user's client keeps its login.
  std::string host_directory() const {
    for (const std::string_view variable : {login_.directory_variable, agent_.state_variable})
      if (const auto value = host_.variable(variable); value && value->starts_with('/'))
        return base::normalize(*value);
    return base::path_join(plan_.user_home, agent_.state_directory);
  }

  std::string name() const { return std::string(agent_.name); }
  std::string shown(const std::string& path) const { return base::with_tilde(path, plan_.user_home); }

  std::string offered() const {
    for (const auto name : login_.variables)
      if (host_.variable(name)) return ", --auth env passes " + std::string(name) + ", which is set here";
    return {};
  }
  std::string remedy() const {
    return "run " + std::string(agent_.command) +
           " on this host (it mends or renews its login; /login makes a new one)\n"
           "--auth store keeps a login for boxes apart, --auth none starts without" +
           offered();
  }
  void note(std::string text) {
    plan_.notes.push_back(
        {Note::Level::warning, std::move(text), {Origin::Kind::detected, "login", "a fact about this host"}});
  }

  const Request& request_;
  const sys::HostView& host_;
  const Agent& agent_;
  const AgentLogin& login_;
  Plan& plan_;
  base::Diagnostics& problems_;
  bool logged_out_ = false;
};

}  // namespace

void plan_login(const Request& request, const sys::HostView& host, const Agent& agent, Plan& plan,
                base::Diagnostics& problems) {
  LoginPass(request, host, agent, plan, problems).run();
}

const char* login_name(LoginMode mode) {
  switch (mode) {
    case LoginMode::broker:
      return "broker";
    case LoginMode::store:
      return "store";
    case LoginMode::env:
      return "env";
    case LoginMode::none:
      return "none";
  }
  return "?";
}

}  // namespace claudebox::plan
