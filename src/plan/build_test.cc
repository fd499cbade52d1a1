#include "plan/build.h"
#include "plan/bwrap_args.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "fake_host.h"

namespace claudebox::plan {
namespace {

using claudebox::testing::FakeHost;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A Debian host with a project that is not in git.
FakeHost debian() {
  FakeHost host;
  host.directory("/usr/bin").directory("/usr/lib").program("/usr/bin/bwrap").program("/usr/bin/bash");
  host.program("/usr/bin/true").symlink("/bin", "usr/bin").symlink("/lib", "usr/lib");
  host.file("/etc/hosts", "127.0.0.1 localhost\n10.1.1.1 intern\n")
      .file("/etc/resolv.conf", "nameserver 10.1.1.1\n");
  host.set("PATH", "/usr/bin:/bin").set("HOME", "/home/dev").at("/home/dev/src/app");
  return host;
}

Request run_true(Tier tier = Tier::offline) {
  Request request;
  request.action = Action::command;
  request.arguments = {"true"};
  request.network.value = tier;
  return request;
}

std::optional<Plan> plan_for(const FakeHost& host, const Request& request, base::Diagnostics& problems) {
  return build(request, host, problems);
}

Plan must_plan(const FakeHost& host, const Request& request = run_true()) {
  base::Diagnostics problems;
  auto plan = plan_for(host, request, problems);
  for (const auto& problem : problems.items()) ADD_FAILURE() << problem.message;
  return plan.value_or(Plan{});
}

base::Diagnostic must_refuse(const FakeHost& host, const Request& request = run_true()) {
  base::Diagnostics problems;
  EXPECT_FALSE(plan_for(host, request, problems).has_value());
  return problems.empty() ? base::Diagnostic{} : problems.items().front();
}

const Mount* mount_on(const Plan& plan, const std::string& target) {
  const auto found = std::find_if(plan.mounts.begin(), plan.mounts.end(),
                                  [&](const Mount& mount) { return mount.target == target; });
  return found == plan.mounts.end() ? nullptr : &*found;
}

std::string value_of(const Plan& plan, const std::string& name) {
  for (const auto& variable : plan.env)
    if (variable.name == name) return variable.value;
  return "(unset)";
}

TEST(BuildPlan, IsTheSameForTheSameHost) {
  EXPECT_EQ(must_plan(debian()), must_plan(debian()));
}

// BOX-1: nothing but what the plan mounts; home and /run are the box's own.
TEST(BuildPlan, MountsNothingOfHomeButTheProject) {
  auto host = debian();
  host.file("/home/dev/.ssh/id_ed25519").file("/home/dev/.aws/credentials").directory("/home/dev/src/other");
  for (const auto& mount : must_plan(host).mounts) {
    if (!mount.is_bind()) continue;
    EXPECT_FALSE(base::is_within(mount.source, "/home/dev/.ssh")) << mount.source;
    EXPECT_FALSE(base::is_within("/home/dev/.ssh", mount.source)) << mount.source;
    EXPECT_FALSE(base::is_within("/home/dev/src/other", mount.source)) << mount.source;
    if (mount.kind == Mount::Kind::writable) {
      EXPECT_TRUE(mount.source == "/home/dev/src/app" ||
                  base::is_within(mount.source, "/home/dev/.claudebox"));
    }
  }
}

TEST(BuildPlan, ParentsAreMountedBeforeChildren) {
  const Plan plan = must_plan(debian());
  for (std::size_t i = 0; i < plan.mounts.size(); ++i)
    for (std::size_t j = i + 1; j < plan.mounts.size(); ++j)
      EXPECT_FALSE(base::is_within(plan.mounts[i].target, plan.mounts[j].target))
          << plan.mounts[i].target << " before " << plan.mounts[j].target;
}

// BOX-2
TEST(Project, IsRefusedWhereItWouldGiveTheHostAway) {
  for (const std::string directory :
       {"/", "/home", "/home/dev", "/usr/src/linux", "/etc", "/tmp", "/var", "/opt", "/home/dev/.ssh",
        "/home/dev/.claude/skills", "/proc/1", "/home/dev/.claudebox/instances/0123456789abcdef/home"}) {
    auto host = debian();
    host.at(directory);
    const auto problem = must_refuse(host);
    EXPECT_THAT(problem.message, HasSubstr("can't be the project")) << directory;
    EXPECT_EQ(problem.exit, base::ExitCode::usage);
    EXPECT_FALSE(problem.hint.empty());
  }
}

TEST(Project, MayLieBelowSharedDirectories) {
  for (const std::string directory : {"/tmp/x", "/opt/work", "/srv/app", "/var/www", "/home/dev/a b'\"\n"}) {
    auto host = debian();
    host.at(directory);
    EXPECT_EQ(must_plan(host).project.root, directory);
  }
}

TEST(Project, AHomeKeptInGitGivesOnlyTheDirectory) {
  auto host = debian();
  host.directory("/home/dev/.git/objects")
      .directory("/home/dev/.git/refs")
      .file("/home/dev/.git/HEAD", "ref: refs/heads/main\n");
  host.file("/home/dev/.git/config");
  const Plan plan = must_plan(host);
  EXPECT_EQ(plan.project.root, "/home/dev/src/app");
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("can't be the project"))));
}

TEST(Project, StartsWhereTheUserStands) {
  auto host = debian();
  host.directory("/home/dev/src/app/.git/objects").directory("/home/dev/src/app/.git/refs");
  host.file("/home/dev/src/app/.git/HEAD", "ref: refs/heads/main\n").file("/home/dev/src/app/.git/config");
  host.at("/home/dev/src/app/lib/deep");
  const Plan plan = must_plan(host);
  EXPECT_EQ(plan.project.root, "/home/dev/src/app");
  EXPECT_EQ(plan.project.directory, "/home/dev/src/app/lib/deep");
}

TEST(Project, ThatMayNotBeWrittenIsReadOnlyInTheBox) {
  auto host = debian();
  host.read_only("/home/dev/src/app");
  const Plan plan = must_plan(host);
  EXPECT_EQ(mount_on(plan, "/home/dev/src/app")->kind, Mount::Kind::read_only);
  EXPECT_THAT(plan.stubs, IsEmpty());
}

TEST(Project, OptionNamesADirectoryThatExists) {
  auto request = run_true();
  request.project = "/home/dev/nowhere";
  EXPECT_THAT(must_refuse(debian(), request).message, HasSubstr("no such project directory"));
  request.project = "~/src/app";
  EXPECT_EQ(must_plan(debian(), request).project.root, "/home/dev/src/app");
}

// INST-1
TEST(InstanceId, IsMadeFromUserAndRoot) {
  const Plan plan = must_plan(debian());
  EXPECT_EQ(plan.instance.id.size(), 16U);
  EXPECT_EQ(plan.instance.home, "/home/dev/.claudebox/instances/" + plan.instance.id + "/home");
  auto other_user = debian();
  other_user.identity_.uid = 1001;
  EXPECT_NE(must_plan(other_user).instance.id, plan.instance.id);
  auto elsewhere = debian();
  elsewhere.at("/home/dev/src/other");
  EXPECT_NE(must_plan(elsewhere).instance.id, plan.instance.id);
}

TEST(InstanceId, OfASymlinkedProjectIsTheTargets) {
  auto host = debian();
  host.symlink("/home/dev/app", "src/app");
  auto request = run_true();
  request.project = "/home/dev/app";
  EXPECT_EQ(must_plan(host, request).instance.id, must_plan(debian()).instance.id);
}

TEST(InstanceId, NamedInstancesLieBeside) {
  auto request = run_true();
  request.instance = "second";
  EXPECT_EQ(must_plan(debian(), request).instance.id, must_plan(debian()).instance.id + "-second");
  for (const std::string name : {"", "a/b", "..", "with space", "x\ny"}) {
    request.instance = name;
    EXPECT_THAT(must_refuse(debian(), request).message, HasSubstr("not a name for an instance")) << name;
  }
}

// BOX-3
TEST(System, MergedUsrHasLinksAndUnmergedHasDirectories) {
  EXPECT_EQ(mount_on(must_plan(debian()), "/bin")->kind, Mount::Kind::symlink);
  auto host = debian();
  host.directory("/sbin");
  EXPECT_EQ(mount_on(must_plan(host), "/sbin")->kind, Mount::Kind::read_only);
}

TEST(System, NixosHasItsStore) {
  FakeHost host;
  host.program("/nix/store/abc-system/sw/bin/true")
      .directory("/run")
      .symlink("/run/current-system", "/nix/store/abc-system");
  host.symlink("/etc/static", "/nix/store/abc-etc").file("/nix/store/abc-etc/ssl/certs/ca.crt", "roots");
  host.symlink("/etc/ssl", "/etc/static/ssl").set("PATH", "/run/current-system/sw/bin").at("/home/dev/app");
  host.program("/nix/store/abc-system/sw/bin/bwrap");
  const Plan plan = must_plan(host);
  EXPECT_EQ(mount_on(plan, "/nix/store")->kind, Mount::Kind::read_only);
  EXPECT_EQ(mount_on(plan, "/run/current-system")->source, "/nix/store/abc-system");
  EXPECT_EQ(plan.command.argv.front(), "/run/current-system/sw/bin/true");
  ASSERT_NE(mount_on(plan, "/etc/ssl/certs/ca.crt"), nullptr);
  EXPECT_EQ(mount_on(plan, "/etc/ssl/certs/ca.crt")->content, "roots");
}

TEST(System, HasNoPrivateKeysOfTheHost) {
  auto host = debian();
  host.file("/etc/ssl/private/host.key")
      .file("/etc/ssl/certs/ca.crt")
      .file("/etc/shadow")
      .file("/etc/sudoers");
  for (const auto& mount : must_plan(host).mounts) {
    EXPECT_NE(mount.source, "/etc/ssl");
    EXPECT_NE(mount.source, "/etc");
    EXPECT_NE(mount.source, "/etc/shadow");
  }
}

TEST(System, AccountsAreCutToThisUser) {
  auto host = debian();
  host.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1005:1005::/home/alice:/bin/sh\n");
  const Plan plan = must_plan(host);
  EXPECT_THAT(mount_on(plan, "/etc/passwd")->content,
              AllOf(HasSubstr("dev:x:1000:1000"), Not(HasSubstr("alice"))));
}

TEST(System, Uid0HasProcSysReadOnly) {
  auto host = debian();
  host.identity_.uid = 0;
  host.identity_.gid = 0;
  host.directory("/proc/sys");
  ASSERT_NE(mount_on(must_plan(host), "/proc/sys"), nullptr);
  EXPECT_EQ(mount_on(must_plan(host), "/proc/sys")->kind, Mount::Kind::read_only);
  // For an ordinary user it would only keep the agent's own sandbox from mounting a fresh /proc.
  EXPECT_EQ(mount_on(must_plan(debian()), "/proc/sys"), nullptr);
}

TEST(System, OfflineTellsNothingOfTheHostsNetwork) {
  const Plan offline = must_plan(debian());
  EXPECT_THAT(mount_on(offline, "/etc/hosts")->content, Not(HasSubstr("intern")));
  EXPECT_THAT(mount_on(offline, "/etc/resolv.conf")->content, Not(HasSubstr("10.1.1.1")));
  const Plan full = must_plan(debian(), run_true(Tier::full));
  EXPECT_THAT(mount_on(full, "/etc/hosts")->content, HasSubstr("intern"));
  EXPECT_EQ(mount_on(full, "/etc/resolv.conf")->source, "/etc/resolv.conf");
}

TEST(System, SmallConfigurationIsCopiedAndTreesAreBound) {
  auto host = debian();
  host.file("/etc/profile.d/a.sh", "x")
      .file("/etc/profile.d/b.sh", "y")
      .file("/etc/fonts/conf.d/1.conf")
      .file("/etc/fonts/fonts.conf");
  const Plan plan = must_plan(host);
  EXPECT_EQ(mount_on(plan, "/etc/profile.d/b.sh")->content, "y");
  EXPECT_EQ(mount_on(plan, "/etc/fonts")->kind, Mount::Kind::read_only);
}

// A file that bwrap copies must land in the box's own root: --file below a bind writes into the host's
// directory.
TEST(System, NothingIsCopiedIntoABind) {
  auto host = debian();
  host.program("/home/dev/.npm-global/bin/x").file("/home/dev/.npm-global/.npmrc", "secret");
  host.set("PATH", "/home/dev/.npm-global/bin:/usr/bin");
  const Plan plan = must_plan(host);
  const auto words = bwrap_options(plan);
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    const auto* word = std::get_if<std::string>(&words[i]);
    if (!word || *word != "--file") continue;
    const auto target = std::get<std::string>(words[i + 2]);
    for (const auto& mount : plan.mounts)
      EXPECT_FALSE(mount.is_bind() && base::is_within(target, mount.target))
          << target << " in " << mount.target;
  }
  EXPECT_THAT(words, Contains(Word(std::string("--ro-bind-data"))));
}

// BOX-4
TEST(Home, ToolsOnPathAreVisibleWithoutTheirCredentials) {
  auto host = debian();
  host.program("/home/dev/.cargo/bin/cargo").file("/home/dev/.cargo/credentials.toml", "token");
  host.program("/home/dev/.nvm/versions/node/v20/bin/node").file("/home/dev/.nvm/.npmrc", "token");
  host.set("PATH", "/home/dev/.cargo/bin:/home/dev/.nvm/versions/node/v20/bin:/usr/bin:/bin");
  const Plan plan = must_plan(host);
  EXPECT_EQ(mount_on(plan, "/home/dev/.cargo/bin")->kind, Mount::Kind::read_only);
  EXPECT_EQ(mount_on(plan, "/home/dev/.nvm/versions")->kind, Mount::Kind::read_only);
  for (const auto& mount : plan.mounts) {
    EXPECT_NE(mount.source, "/home/dev/.cargo");
    EXPECT_NE(mount.source, "/home/dev/.nvm");
  }
  EXPECT_THAT(value_of(plan, "PATH"), HasSubstr("/home/dev/.nvm/versions/node/v20/bin"));
}

TEST(Home, CredentialsInsideAToolDirectoryAreCovered) {
  auto host = debian();
  host.program("/home/dev/.npm-global/bin/x")
      .file("/home/dev/.npm-global/.npmrc", "//registry/:_authToken=x");
  host.set("PATH", "/home/dev/.npm-global/bin:/usr/bin");
  const Plan plan = must_plan(host);
  ASSERT_NE(mount_on(plan, "/home/dev/.npm-global/.npmrc"), nullptr);
  EXPECT_EQ(mount_on(plan, "/home/dev/.npm-global/.npmrc")->kind, Mount::Kind::file);
  EXPECT_EQ(mount_on(plan, "/home/dev/.npm-global/.npmrc")->content, "");
}

TEST(Home, PathEntriesThatAreNoToolsStayOutside) {
  auto host = debian();
  host.directory("/home/dev/.ssh").directory("/home/dev/.config/x/bin");
  host.set("PATH", "/home/dev:/home/dev/.ssh:/home/dev/.config/x/bin:.:relative::/usr/bin:/bin");
  const Plan plan = must_plan(host);
  EXPECT_EQ(mount_on(plan, "/home/dev/.ssh"), nullptr);
  EXPECT_EQ(mount_on(plan, "/home/dev/.config/x/bin"), nullptr);
  EXPECT_EQ(mount_on(plan, "/home/dev")->source, plan.instance.home);
  EXPECT_THAT(value_of(plan, "PATH"), Not(HasSubstr("relative")));
}

TEST(Home, ProgramsInTheProjectStayWritable) {
  auto host = debian();
  host.program("/home/dev/src/app/.venv/bin/python");
  host.set("PATH", "/home/dev/src/app/.venv/bin:/usr/bin:/bin");
  EXPECT_EQ(mount_on(must_plan(host), "/home/dev/src/app/.venv/bin"), nullptr);
  EXPECT_THAT(value_of(must_plan(host), "PATH"), HasSubstr("/home/dev/src/app/.venv/bin"));
}

TEST(Home, LinkedToolsBringTheirDirectory) {
  auto host = debian();
  host.program("/home/dev/.local/share/uv/tools/ruff/bin/ruff");
  host.symlink("/home/dev/.local/bin/ruff", "/home/dev/.local/share/uv/tools/ruff/bin/ruff");
  host.file("/home/dev/.local/share/keyrings/login.keyring")
      .set("PATH", "/home/dev/.local/bin:/usr/bin:/bin");
  const Plan plan = must_plan(host);
  EXPECT_NE(mount_on(plan, "/home/dev/.local/share/uv"), nullptr);
  EXPECT_EQ(mount_on(plan, "/home/dev/.local/share/keyrings"), nullptr);
}

TEST(Home, SymlinkedHomeKeepsItsSpelling) {
  auto host = debian();
  host.directory("/data/dev").symlink("/home/me", "/data/dev").set("HOME", "/home/me");
  host.identity_.home = "/home/me";
  const Plan plan = must_plan(host);
  EXPECT_EQ(plan.user_home, "/data/dev");
  EXPECT_EQ(mount_on(plan, "/home/me")->kind, Mount::Kind::symlink);
  EXPECT_EQ(value_of(plan, "HOME"), "/home/me");
}

// BOX-5
TEST(Environment, SecretsStayOutside) {
  auto host = debian();
  host.set("AWS_SECRET_ACCESS_KEY", "x")
      .set("GITHUB_TOKEN", "x")
      .set("SSH_AUTH_SOCK", "/run/x")
      .set("LD_PRELOAD", "/x");
  host.set("DBUS_SESSION_BUS_ADDRESS", "x")
      .set("CLAUDECODE", "1")
      .set("TERM", "xterm")
      .set("LC_ALL", "C.UTF-8");
  const Plan plan = must_plan(host);
  for (const std::string name : {"AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "LD_PRELOAD",
                                 "DBUS_SESSION_BUS_ADDRESS", "CLAUDECODE"})
    EXPECT_EQ(value_of(plan, name), "(unset)");
  EXPECT_EQ(value_of(plan, "TERM"), "xterm");
  EXPECT_EQ(value_of(plan, "LC_ALL"), "C.UTF-8");
}

TEST(Environment, GrantedNamesComeIn) {
  auto host = debian();
  host.set("GITHUB_TOKEN", "fake");
  auto request = run_true();
  request.env = {{"GITHUB_TOKEN", std::nullopt, {}}, {"MODE", "a=b", {}}};
  EXPECT_EQ(value_of(must_plan(host, request), "GITHUB_TOKEN"), "fake");
  EXPECT_EQ(value_of(must_plan(host, request), "MODE"), "a=b");
  EXPECT_THAT(must_refuse(debian(), request).message, HasSubstr("GITHUB_TOKEN is not set"));
}

TEST(Environment, ProxyWithAPasswordStaysOutside) {
  auto host = debian();
  host.set("HTTPS_PROXY", "http://user:pass@proxy:3128").set("HTTP_PROXY", "http://proxy:3128");
  const Plan full = must_plan(host, run_true(Tier::full));
  EXPECT_EQ(value_of(full, "HTTPS_PROXY"), "(unset)");
  EXPECT_THAT(full.notes, Contains(Field(&Note::text, HasSubstr("HTTPS_PROXY holds a password"))));
  EXPECT_EQ(value_of(full, "HTTP_PROXY"), "http://proxy:3128");
  EXPECT_EQ(value_of(must_plan(host), "HTTP_PROXY"), "(unset)");
}

// Extra mounts
TEST(ExtraMounts, MissingSourceIsAnError) {
  auto request = run_true();
  request.mounts = {{"/home/dev/none", "", false, {}}, {"/home/dev/none2", "", false, {}}};
  base::Diagnostics problems;
  EXPECT_FALSE(build(request, debian(), problems).has_value());
  EXPECT_EQ(problems.items().size(), 2U);  // all of them at once
  EXPECT_EQ(problems.exit(), base::ExitCode::setup);
}

TEST(ExtraMounts, MayNotLiftAProtectionOrReplaceTheBox) {
  auto host = debian();
  host.directory("/home/dev/data").file("/home/dev/src/app/.envrc", "x");
  for (const std::string target : {"/", "/home/dev", "/proc", "/dev/null", "/home/dev/src/app/.envrc",
                                   "/home/dev/src", "/home/dev/src/app"}) {
    auto request = run_true();
    request.mounts = {{"/home/dev/data", target, true, {}}};
    EXPECT_THAT(must_refuse(host, request).message, HasSubstr("can't mount on")) << target;
  }
}

TEST(ExtraMounts, NeedAPlace) {
  auto host = debian();
  host.directory("/home/dev/data");
  auto request = run_true();
  request.mounts = {{"/home/dev/data", "/usr/share/none", false, {}}};
  EXPECT_THAT(must_refuse(host, request).message, HasSubstr("is read-only and has no such name"));
  request.mounts = {{"/home/dev/data", "/data", false, {}}};
  EXPECT_EQ(mount_on(must_plan(host, request), "/data")->source, "/home/dev/data");
}

TEST(ExtraMounts, TwoOnOneTargetAreAnError) {
  auto host = debian();
  host.directory("/home/dev/a").directory("/home/dev/b");
  auto request = run_true();
  request.mounts = {{"/home/dev/a", "/data", false, {}}, {"/home/dev/b", "/data", false, {}}};
  EXPECT_THAT(must_refuse(host, request).message, HasSubstr("two mounts on /data"));
}

TEST(ExtraMounts, ALinkIsMountedWhereItWasNamed) {
  auto host = debian();
  host.directory("/srv/data").symlink("/home/dev/data", "/srv/data");
  auto request = run_true();
  request.mounts = {{"~/data", "", false, {}}};
  const Plan plan = must_plan(host, request);
  EXPECT_EQ(mount_on(plan, "/home/dev/data")->source, "/srv/data");
}

// Commands
TEST(Command, IsFoundAlongThePathOfTheBox) {
  EXPECT_EQ(must_plan(debian()).command.argv.front(), "/usr/bin/true");
}

TEST(Command, MissingOneSaysWhereTheHostHasIt) {
  auto host = debian();
  host.program("/srv/tools/frob").set("PATH", "/srv/tools:/usr/bin");
  auto request = run_true();
  request.arguments = {"frob"};
  const auto problem = must_refuse(host, request);
  EXPECT_EQ(problem.exit, base::ExitCode::command_not_found);
  EXPECT_THAT(problem.hint, HasSubstr("--mount /srv/tools"));
}

TEST(Command, ThatCantBeExecutedIs126) {
  auto host = debian();
  host.file("/home/dev/src/app/notes.txt").directory("/home/dev/src/app/dir");
  host.program("/home/dev/src/app/script", "#!/opt/none/python\n");
  for (const std::string name : {"./notes.txt", "./dir", "./script"}) {
    auto request = run_true();
    request.arguments = {name};
    EXPECT_EQ(must_refuse(host, request).exit, base::ExitCode::cannot_execute) << name;
  }
}

TEST(Command, ShellIsTheUsersWhereTheBoxHasIt) {
  auto request = run_true();
  request.action = Action::shell;
  request.arguments.clear();
  EXPECT_EQ(must_plan(debian(), request).command.argv.front(), "/bin/bash");
  auto host = debian();
  host.identity_.shell = "/home/dev/fancy/shell";
  host.program("/home/dev/fancy/shell");
  EXPECT_EQ(must_plan(host, request).command.argv.front(), "/bin/bash");
}

TEST(Command, NoAgentSaysHowToInstallOne) {
  Request request;
  request.network.value = Tier::offline;
  const auto problem = must_refuse(debian(), request);
  EXPECT_EQ(problem.exit, base::ExitCode::command_not_found);
  EXPECT_THAT(problem.hint, HasSubstr("install"));
}

TEST(Notes, RootIsToldAboutNestedSandboxes) {
  auto host = debian();
  host.identity_.uid = 0;
  host.identity_.sudo_uid = 1000;
  host.directory("/proc/sys");
  const Plan plan = must_plan(host);
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("sandbox of the agent's own can't start"))));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("sudo"))));
}

TEST(Notes, FullWithoutLandlockSaysSo) {
  auto host = debian();
  host.landlock_abi_ = 5;
  EXPECT_THAT(must_plan(host, run_true(Tier::full)).notes,
              Contains(Field(&Note::text, HasSubstr("abstract sockets"))));
  EXPECT_FALSE(must_plan(host, run_true(Tier::full)).scope_abstract_sockets);
}

}  // namespace
}  // namespace claudebox::plan
