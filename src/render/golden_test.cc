// The plan in all its renderings, compared with what a person approved (tests/golden): one made by hand, and those of
// typical hosts.
#include "golden.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "fake_host.h"
#include "plan/build.h"
#include "plan/bwrap_args.h"
#include "render/audit.h"
#include "render/hand_made_plan.h"
#include "render/json.h"

namespace claudebox::render {
namespace {

using base::Origin;
using claudebox::testing::expect_golden;
using claudebox::testing::FakeHost;

/// A release changes no golden file.
std::string without_version(std::string text) {
  const std::string version = "\"claudebox\": \"" CLAUDEBOX_VERSION "\"";
  if (const auto at = text.find(version); at != std::string::npos)
    text.replace(at, version.size(), "\"claudebox\": \"VERSION\"");
  return text;
}

/// The two lines of a start that is known, and the difference of one that is not, in every terminal. An approval of
/// nothing stands for the other extreme: all is new.
std::string every_brief(const plan::Plan& plan) {
  std::string out;
  for (const std::size_t width : {80U, 40U})
    for (const bool utf8 : {true, false})
      for (const bool color : {false, true}) {
        const Style style{.color = color, .utf8 = utf8, .width = width};
        out += "--- " + std::to_string(width) + " columns" + (utf8 ? "" : ", ASCII") +
               (color ? ", colour" : "") + "\n";
        out += audit_brief(plan, Standing::approved, style) + "\n";
        out += audit_difference("network offline\nmount ro /srv/gone\n", plan, style) + "\n";
        out += audit_brief(plan, Standing::changed, style);
      }
  return out;
}

/// Every rendering of `plan`, each in a file of its own in tests/golden/NAME.
void expect_renderings(const std::string& name, const plan::Plan& plan) {
  expect_golden(name + "/audit.exp", audit(plan, {}));
  expect_golden(name + "/audit-40.exp", audit(plan, {.width = 40}));
  expect_golden(name + "/audit-40-color.exp", audit(plan, {.color = true, .width = 40}));
  expect_golden(name + "/audit-40-ascii.exp", audit(plan, {.utf8 = false, .width = 40}));
  expect_golden(name + "/audit-ascii-color.exp", audit(plan, {.color = true, .utf8 = false}));
  expect_golden(name + "/brief.exp", every_brief(plan));
  expect_golden(name + "/audit-ascii.exp", audit(plan, {.utf8 = false}));
  expect_golden(name + "/audit-color.exp", audit(plan, {.color = true}));
  expect_golden(name + "/audit-explain.exp", audit(plan, {.explain = true}));
  expect_golden(name + "/audit-verbose.exp", audit(plan, {.verbose = true}));
  expect_golden(name + "/approval.exp", approval_text(plan));
  expect_golden(name + "/plan.json.exp", without_version(plan_json(plan)));
  expect_golden(name + "/bwrap.exp", plan::bwrap_shell_command(plan, "claudebox"));
}

void expect_planned(const std::string& name, const FakeHost& host, const plan::Request& request) {
  base::Diagnostics problems;
  auto plan = plan::build(request, host, problems);
  for (const auto& problem : problems.items()) ADD_FAILURE() << problem.message;
  if (!plan) return;
  // What the agent is told is tested where it is made; its wording is no matter of these files.
  for (auto& mount : plan->mounts)
    if (mount.purpose == plan::Purpose::agent && !mount.content.empty()) mount.content = "(for the agent)\n";
  for (auto& file : plan->state)
    if (!file.content.empty()) file.content = "{}\n";
  expect_renderings(name, *plan);
}

/// Debian with a merged /usr and a developer's tools below home.
FakeHost debian() {
  FakeHost host;
  host.directory("/usr/lib").directory("/usr/local/bin");
  for (const char* program : {"bwrap", "bash", "make", "git", "node"})
    host.program(std::string("/usr/bin/") + program);
  for (const char* link : {"bin", "lib", "sbin"})
    host.symlink(std::string("/") + link, std::string("usr/") + link);
  host.file("/etc/hosts", "127.0.0.1\tlocalhost\n10.1.1.1\tintern\n")
      .file("/etc/resolv.conf", "nameserver 10.1.1.1\n")
      .file("/etc/nsswitch.conf", "hosts: files dns\n")
      .file("/etc/ssl/certs/ca-certificates.crt", "-----BEGIN CERTIFICATE-----\n")
      .directory("/etc/alternatives")
      .program("/etc/alternatives/d/editor");
  host.program("/home/dev/.local/share/claude/versions/2.1.5")
      .symlink("/home/dev/.local/bin/claude", "../share/claude/versions/2.1.5")
      .program("/home/dev/.cargo/bin/cargo")
      .file("/home/dev/.cargo/credentials.toml", "secret")
      .program("/home/dev/.nvm/versions/node/v20.11.0/bin/npm")
      .file("/home/dev/.ssh/id_ed25519", "secret")
      .file("/home/dev/.claude/CLAUDE.md", "Be brief.\n")
      .file("/home/dev/.claude/settings.json", "{\"theme\": \"dark\"}\n")
      .file("/home/dev/.gitconfig", "[user]\n\tname = Dev\n\temail = dev@example.org\n");
  host.set("PATH",
           "/home/dev/.local/bin:/home/dev/.cargo/bin:/home/dev/.nvm/versions/node/v20.11.0/bin:/usr/local/"
           "bin:/usr/bin:"
           "/bin");
  host.set("HOME", "/home/dev")
      .set("TERM", "xterm-256color")
      .set("COLORTERM", "truecolor")
      .set("LANG", "en_US.UTF-8");
  host.set("EDITOR", "vim").set("GH_TOKEN", "ghp_0123456789abcdefABCDEF0123456789abcd");
  return host;
}

void add_repository(FakeHost& host, const std::string& root) {
  host.file(root + "/.git/HEAD", "ref: refs/heads/main\n")
      .file(root + "/.git/config", "[core]\n\tbare = false\n")
      .directory(root + "/.git/hooks")
      .directory(root + "/.git/objects")
      .directory(root + "/.git/refs")
      .directory(root + "/.git/info");
}

plan::Request agent(plan::Tier tier) {
  plan::Request request;
  request.network = {tier,
                     {Origin::Kind::flag, "--network " + std::string(plan::tier_name(tier)), "asked for"}};
  return request;
}

/// A client that knows of a login apart from its state.
FakeHost with_client() {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  auto host = debian();
  add_repository(host, "/home/dev/src/app");
  host.program("/home/dev/.local/share/claude/versions/2.1.330")
      .symlink("/home/dev/.local/bin/claude", "../share/claude/versions/2.1.330")
      .at("/home/dev/src/app");
  return host;
}

/// A login of claude's, with what a later client may add.
constexpr const char* kCredential =
    R"({"claudeAiOauth":{"accessToken":"fake-access","refreshToken":"fake-refresh","expiresAt":1800003600000,
"scopes":["user:inference"],"subscriptionType":"max","later":"fake-secret"},"mcpOAuth":{"x":"fake-secret"}})";

plan::Request make(plan::Tier tier) {
  auto request = agent(tier);
  request.action = plan::Action::command;
  request.arguments = {"make", "test"};
  return request;
}

TEST(Golden, OneOfEverything) {
  expect_renderings("one-of-everything", hand_made_plan());
}

TEST(Golden, ADeveloperWithAGitProject) {
  auto host = debian();
  add_repository(host, "/home/dev/src/app");
  host.file("/home/dev/src/app/.envrc", "use nix\n").directory("/home/dev/src/app/.vscode");
  host.at("/home/dev/src/app/lib");
  expect_planned("git-project", host, agent(plan::Tier::full));
}

TEST(Golden, AProfileThatLiftsAProtection) {
  auto host = debian();
  add_repository(host, "/home/dev/src/app");
  host.file("/home/dev/src/app/.envrc", "use nix\n");
  host.at("/home/dev/src/app").set("GH_TOKEN_READONLY", "ghp_abcdefghijABCDEFGHIJ0123456789abcdef");
  auto request = agent(plan::Tier::full);
  const auto line = [](const std::string& where) {
    return Origin{Origin::Kind::profile, where, "asked for"};
  };
  request.files = {
      {plan::SettingsFile::Kind::defaults, "config.toml", "/home/dev/.claudebox/config.toml"},
      {plan::SettingsFile::Kind::profile, "web", "/home/dev/.claudebox/profiles/web.toml"},
      {plan::SettingsFile::Kind::project, ".claudebox.toml", "/home/dev/src/app/.claudebox.toml", true}};
  request.network.origin = line("web.toml:1");
  request.env = {{"GH_TOKEN", std::nullopt, line("web.toml:2"), "GH_TOKEN_READONLY"}};
  request.nested = {false, line("config.toml:1")};
  request.always_ask = {true, line("config.toml:2")};
  request.lifted = {{"envrc", line("web.toml:5")}};
  request.notes = {{plan::Note::Level::warning, ".claudebox.toml asks for more", line(".claudebox.toml:1")}};
  expect_planned("profile", host, request);
}

TEST(Golden, SomebodyWhoIsLoggedIn) {
  auto host = with_client();
  host.file("/home/dev/.claude/.credentials.json", kCredential, 0600);
  expect_planned("login", host, agent(plan::Tier::full));
}

TEST(Golden, AStoreOfLogins) {
  auto host = with_client();
  host.file("/home/dev/.claudebox/logins/claude/work/store/.credentials.json", kCredential, 0600);
  auto request = agent(plan::Tier::full);
  request.login = {plan::LoginMode::store, {Origin::Kind::flag, "--auth store:work", "asked for"}};
  request.login_store = "work";
  expect_planned("login-store", host, request);
}

TEST(Golden, ALinkedWorktree) {
  auto host = debian();
  add_repository(host, "/home/dev/src/app");
  host.file("/home/dev/src/app/.git/worktrees/fix/gitdir", "/home/dev/src/fix/.git\n")
      .file("/home/dev/src/app/.git/worktrees/fix/commondir", "../..\n")
      .file("/home/dev/src/app/.git/worktrees/fix/HEAD", "ref: refs/heads/fix\n")
      .file("/home/dev/src/fix/.git", "gitdir: /home/dev/src/app/.git/worktrees/fix\n");
  host.at("/home/dev/src/fix");
  expect_planned("linked-worktree", host, make(plan::Tier::offline));
}

TEST(Golden, Internet) {
  auto host = debian();
  host.program("/usr/bin/slirp4netns").other("/dev/net/tun", sys::FileKind::device);
  host.at("/home/dev/src/app");
  auto request = make(plan::Tier::internet);
  request.network.origin = {Origin::Kind::builtin, "default",
                            "an agent needs the internet, not your network"};
  expect_planned("internet", host, request);
}

TEST(Golden, AllowlistWithEverythingOpened) {
  auto host = debian();
  host.program("/usr/bin/slirp4netns").other("/dev/net/tun", sys::FileKind::device);
  host.set("HTTPS_PROXY", "http://10.0.0.5:3128").at("/home/dev/src/app");
  const auto flag = [](const std::string& source) { return Origin{Origin::Kind::flag, source, "asked for"}; };
  auto request = make(plan::Tier::allowlist);
  for (const std::string host_name : {"api.anthropic.com", "*.npmjs.org", "registry.example.org"})
    request.allow.push_back({host_name, flag("--allow " + host_name)});
  request.lan = {{"10.0.0.5/32", "", 3128, flag("--lan 10.0.0.5:3128")},
                 {"192.168.0.0/16", "", 0, flag("--lan 192.168.0.0/16")},
                 {"", "nas.corp", 443, flag("--lan nas.corp:443")}};
  request.publish = {{8080, 3000, flag("--publish 8080:3000")}};
  request.reach = {{5432, flag("--reach 5432")}, {2375, flag("--reach 2375")}};
  expect_planned("allowlist", host, request);
}

TEST(Golden, NixOS) {
  FakeHost host;
  host.program("/nix/store/aaa-bash/bin/bash")
      .program("/nix/store/bbb-bubblewrap/bin/bwrap")
      .program("/nix/store/ccc-gnumake/bin/make")
      .symlink("/nix/store/sss-system/sw/bin/bwrap", "/nix/store/bbb-bubblewrap/bin/bwrap")
      .symlink("/nix/store/sss-system/sw/bin/make", "/nix/store/ccc-gnumake/bin/make")
      .symlink("/nix/store/sss-system/sw/bin/bash", "/nix/store/aaa-bash/bin/bash")
      .symlink("/run/current-system", "/nix/store/sss-system")
      .symlink("/bin/sh", "/nix/store/aaa-bash/bin/bash")
      .symlink("/usr/bin/env", "/nix/store/ccc-gnumake/bin/make")
      .file("/nix/store/eee-etc/etc/ssl/certs/ca-bundle.crt", "-----BEGIN CERTIFICATE-----\n")
      .symlink("/etc/static", "/nix/store/eee-etc/etc")
      .symlink("/etc/ssl/certs/ca-certificates.crt", "/etc/static/ssl/certs/ca-bundle.crt")
      .file("/etc/resolv.conf", "nameserver 10.1.1.1\n");
  host.identity_.shell = "/run/current-system/sw/bin/bash";
  host.set("PATH", "/run/wrappers/bin:/run/current-system/sw/bin")
      .set("HOME", "/home/dev")
      .at("/home/dev/src/app");
  expect_planned("nixos", host, make(plan::Tier::full));
}

TEST(Golden, RootThroughSudoWithoutGit) {
  auto host = debian();
  host.identity_ = {.uid = 0,
                    .gid = 0,
                    .user = "root",
                    .group = "root",
                    .home = "/root",
                    .shell = "/bin/bash",
                    .sudo_uid = 1000};
  host.directory("/root")
      .directory("/proc/sys")
      .set("HOME", "/root")
      .set("PATH", "/usr/bin:/bin")
      .at("/srv/app");
  host.landlock_abi_ = 0;
  expect_planned("root", host, make(plan::Tier::full));
}

TEST(Golden, MountsAndVariablesWithSecrets) {
  auto host = debian();
  host.directory("/home/dev/.config/gcloud")
      .directory("/srv/big data")
      .other("/run/docker.sock", sys::FileKind::socket);
  host.at("/home/dev/src/app");
  auto request = make(plan::Tier::full);
  for (const auto& [source, target, writable] :
       {std::tuple("~/.ssh", "", false), std::tuple("~/.config", "/config", false),
        std::tuple("/srv/big data", "/data", true), std::tuple("/run/docker.sock", "", true)})
    request.mounts.push_back(
        {source, target, writable, {Origin::Kind::flag, std::string("--mount ") + source, "asked for"}});
  request.env = {{"GH_TOKEN", {}, {Origin::Kind::flag, "--env GH_TOKEN", "asked for"}},
                 {"DB_PASSWORD",
                  "hunter2-and-more",
                  {Origin::Kind::flag, "--env DB_PASSWORD=hunter2-and-more", "asked for"}},
                 {"MODE", "fast", {Origin::Kind::flag, "--env MODE=fast", "asked for"}}};
  expect_planned("secrets", host, request);
}

}  // namespace
}  // namespace claudebox::render
