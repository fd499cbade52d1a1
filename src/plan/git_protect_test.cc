#include <gmock/gmock.h>

#include <algorithm>

#include "fake_host.h"
#include "plan/git.h"

namespace claudebox::plan {
namespace {

using claudebox::testing::FakeHost;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kProject = "/home/dev/app";
const std::string kGit = kProject + "/.git";

FakeHost repository(const std::string& config = "[core]\n\tbare = false\n") {
  FakeHost host;
  host.file(kGit + "/HEAD")
      .directory(kGit + "/objects")
      .directory(kGit + "/refs")
      .file(kGit + "/config", config);
  host.directory(kGit + "/hooks").directory(kProject);
  return host;
}

Plan protect(const FakeHost& host, const std::string& project = kProject) {
  Plan plan;
  plan.user_home = "/home/dev";
  plan.project = {.root = project, .directory = project, .canonical_root = project, .origin = {}};
  std::string problem;
  const auto found = find_repository(host, project, problem);
  EXPECT_EQ(problem, "");
  plan_repository(host, found, plan);
  plan_project_protection(host, plan);
  return plan;
}

bool has_mount(const Plan& plan, Mount::Kind kind, const std::string& path) {
  return std::any_of(plan.mounts.begin(), plan.mounts.end(), [&](const Mount& mount) {
    return mount.kind == kind && mount.target == path && mount.source == path;
  });
}
bool is_covered(const Plan& plan, const std::string& path) {
  return has_mount(plan, Mount::Kind::read_only, path);
}
bool is_pinned(const Plan& plan, const std::string& path) {
  return has_mount(plan, Mount::Kind::writable, path);
}
bool is_watched(const Plan& plan, const std::string& path, Watch::Response response) {
  return std::any_of(plan.watches.begin(), plan.watches.end(), [&](const Watch& watch) {
    return watch.directory + "/" + watch.name == path && watch.response == response;
  });
}
const Stub* stub_at(const Plan& plan, const std::string& path) {
  const auto found =
      std::find_if(plan.stubs.begin(), plan.stubs.end(), [&](const Stub& stub) { return stub.path == path; });
  return found == plan.stubs.end() ? nullptr : &*found;
}

TEST(GitProtection, CoversWhatRunsCommandsAndPinsTheWay) {
  const Plan plan = protect(repository());
  EXPECT_TRUE(is_covered(plan, kGit + "/config"));
  EXPECT_TRUE(is_covered(plan, kGit + "/hooks"));
  EXPECT_TRUE(is_pinned(plan, kGit));
  EXPECT_FALSE(is_pinned(plan, kProject));  // a mount of its own already
  // The host replaces its configuration by rename; the cover is gone then.
  EXPECT_TRUE(is_watched(plan, kGit + "/config", Watch::Response::end));
}

TEST(GitProtection, AMissingRedirectGetsAnInertStubUnderACover) {
  const Plan plan = protect(repository());
  ASSERT_NE(stub_at(plan, kGit + "/commondir"), nullptr);
  EXPECT_EQ(stub_at(plan, kGit + "/commondir")->content, "../.git\n");
  EXPECT_TRUE(is_covered(plan, kGit + "/commondir"));
}

TEST(GitProtection, AnInertStubOfAnEarlierBoxIsTakenOver) {
  auto host = repository();
  host.file(kGit + "/commondir", "../.git\n");
  const Plan plan = protect(host);
  EXPECT_NE(stub_at(plan, kGit + "/commondir"), nullptr);
  EXPECT_THAT(plan.notes, IsEmpty());
}

TEST(GitProtection, ARedirectThatIsThereIsReported) {
  auto host = repository();
  host.file(kGit + "/commondir", "/elsewhere\n");
  const Plan plan = protect(host);
  EXPECT_EQ(stub_at(plan, kGit + "/commondir"), nullptr);
  EXPECT_TRUE(is_covered(plan, kGit + "/commondir"));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::level, Note::Level::danger)));
}

// `commondir` would change the meaning of core.worktree.
TEST(GitProtection, WhereAStubWouldChangeGitTheNameIsWatched) {
  const Plan plan = protect(repository("[core]\n\tworktree = ..\n"));
  EXPECT_EQ(stub_at(plan, kGit + "/commondir"), nullptr);
  EXPECT_TRUE(is_watched(plan, kGit + "/commondir", Watch::Response::remove_and_end));
}

TEST(GitProtection, WorktreeConfigurationCountsOnlyWhereItIsOn) {
  EXPECT_EQ(stub_at(protect(repository()), kGit + "/config.worktree"), nullptr);
  const Plan plan = protect(repository("[extensions]\n\tworktreeConfig = true\n"));
  EXPECT_NE(stub_at(plan, kGit + "/config.worktree"), nullptr);
  EXPECT_TRUE(is_covered(plan, kGit + "/config.worktree"));
}

TEST(GitProtection, MissingHooksGetAnEmptyDirectory) {
  FakeHost host;
  host.file(kGit + "/HEAD").directory(kGit + "/objects").directory(kGit + "/refs").file(kGit + "/config");
  const Plan plan = protect(host);
  ASSERT_NE(stub_at(plan, kGit + "/hooks"), nullptr);
  EXPECT_EQ(stub_at(plan, kGit + "/hooks")->kind, Stub::Kind::directory);
}

TEST(GitProtection, HooksPathAndIncludesInTheProjectAreCovered) {
  auto host = repository("[core]\n\thooksPath = build/hooks\n[include]\n\tpath = ../shared/gitconfig\n");
  host.directory(kProject + "/build/hooks").file(kProject + "/shared/gitconfig");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/build/hooks"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/build"));
  EXPECT_TRUE(is_covered(plan, kProject + "/shared/gitconfig"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/shared"));
}

TEST(GitProtection, AHooksPathThatDoesNotExistIsReportedWhenItComes) {
  const Plan plan = protect(repository("[core]\n\thooksPath = .githooks\n"));
  EXPECT_THAT(plan.sweeps, Contains(Field(&Sweep::path, kProject + "/.githooks")));
}

TEST(GitProtection, SubmodulesAreProtectedLikeTheirParent) {
  auto host = repository();
  const std::string module = kGit + "/modules/libs/a";
  host.file(module + "/HEAD")
      .directory(module + "/objects")
      .directory(module + "/refs")
      .directory(module + "/hooks");
  host.file(module + "/config", "[core]\n\tworktree = ../../../../libs/a\n");
  host.file(kProject + "/libs/a/.git", "gitdir: ../../.git/modules/libs/a\n");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, module + "/config"));
  EXPECT_TRUE(is_covered(plan, module + "/hooks"));
  for (const std::string path : {"/modules", "/modules/libs", "/modules/libs/a"})
    EXPECT_TRUE(is_pinned(plan, kGit + path));
  EXPECT_TRUE(is_covered(plan, kProject + "/libs/a/.git"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/libs"));
  EXPECT_TRUE(is_watched(plan, module + "/commondir", Watch::Response::remove_and_end));
}

TEST(GitProtection, ALinkedWorkTreeHasItsRepositoryBeside) {
  auto host = repository();
  host.file("/home/dev/linked/.git", "gitdir: " + kGit + "/worktrees/l\n").file(kGit + "/worktrees/l/HEAD");
  host.file(kGit + "/worktrees/l/commondir", "../..\n")
      .file(kGit + "/worktrees/l/gitdir", "/home/dev/linked/.git\n");
  const Plan plan = protect(host, "/home/dev/linked");
  EXPECT_TRUE(is_pinned(plan, kGit));  // mounted, so pinned
  EXPECT_TRUE(is_covered(plan, "/home/dev/linked/.git"));
  EXPECT_TRUE(is_covered(plan, kGit + "/config"));
  EXPECT_TRUE(is_covered(plan, kGit + "/worktrees/l/commondir"));
  EXPECT_TRUE(is_pinned(plan, kGit + "/worktrees"));
  EXPECT_TRUE(is_pinned(plan, kGit + "/worktrees/l"));
  EXPECT_FALSE(has_mount(plan, Mount::Kind::writable, kProject));
}

// A box may write this file; following it would let one box choose what the next one sees.
TEST(GitProtection, AlternatesAreNotFollowed) {
  auto host = repository();
  host.file(kGit + "/objects/info/alternates", "/home/dev/secret/.git/objects\n");
  host.directory("/home/dev/secret/.git/objects");
  const Plan plan = protect(host);
  for (const auto& mount : plan.mounts) EXPECT_THAT(mount.source, Not(HasSubstr("secret")));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("--mount"))));
}

TEST(ProjectProtection, CoversWhatExistsAndReportsWhatComes) {
  auto host = repository();
  host.file(kProject + "/.envrc").file(kProject + "/.claude/settings.json").directory(kProject + "/.vscode");
  const Plan plan = protect(host);
  for (const std::string path : {"/.envrc", "/.claude/settings.json", "/.vscode"})
    EXPECT_TRUE(is_covered(plan, kProject + path));
  EXPECT_TRUE(is_pinned(plan, kProject + "/.claude"));
  EXPECT_FALSE(is_covered(plan, kProject + "/.mcp.json"));
  EXPECT_THAT(plan.sweeps, Contains(Field(&Sweep::path, kProject + "/.mcp.json")));
}

TEST(BoxGitConfiguration, HasThePersonAndNothingElse) {
  FakeHost host;
  host.file(
      "/home/dev/.gitconfig",
      "[user]\n\tname = Ann \\\"A\\\" O'Neil\n\temail = ann@example.org\n\tsigningkey = X\n"
      "[credential]\n\thelper = store\n[include]\n\tpath = work.inc\n"
      "[includeIf \"gitdir:~/app/\"]\n\tpath = app.inc\n[includeIf \"gitdir:~/none/\"]\n\tpath = none.inc\n");
  host.file("/home/dev/work.inc",
            "[init]\n\tdefaultBranch = trunk\n[alias]\n\tx = !rm\n[include]\n\tpath = work.inc\n");
  host.file("/home/dev/app.inc", "[user]\n\temail = ann@work.example\n");
  host.file("/home/dev/none.inc", "[user]\n\temail = wrong@example.org\n");
  Plan plan;
  plan.user_home = "/home/dev";
  plan.project = {.root = kProject, .directory = kProject, .canonical_root = kProject, .origin = {}};
  const std::string text = box_gitconfig(host, plan);
  EXPECT_THAT(text, HasSubstr("name = \"Ann \\\"A\\\" O'Neil\""));
  EXPECT_THAT(text, HasSubstr("email = \"ann@work.example\""));
  EXPECT_THAT(text, HasSubstr("defaultBranch = \"trunk\""));
  EXPECT_THAT(text, HasSubstr("directory = \"/home/dev/app\""));
  for (const std::string secret : {"credential", "helper", "signingkey", "alias", "include"})
    EXPECT_THAT(text, Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace claudebox::plan
