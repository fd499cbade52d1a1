// A repository of which everything that claudebox reads is the input's: .git files, configurations, layouts.
#include <string>
#include <vector>

#include "base/path.h"
#include "fake_host.h"
#include "fuzz.h"
#include "plan/git.h"
#include "plan/git_config.h"

namespace claudebox::fuzz {
namespace {

const std::string kProject = "/home/dev/src/app";
const std::string kOther = "/home/dev/other/.git";

/// What makes a directory one of git's, so that the input is free for what is read then.
void git_directory(testing::FakeHost& host, const std::string& path) {
  host.file(path + "/HEAD", "ref: refs/heads/main\n").directory(path + "/objects").directory(path + "/refs");
}

void repository(testing::FakeHost& host, unsigned shape, Pieces& pieces) {
  const auto text = [&] { return std::string(text_of(pieces.piece())); };
  if ((shape & 1U) != 0) {  // a linked work tree of a repository elsewhere, or what passes itself off as one
    git_directory(host, kOther);
    host.file(kOther + "/worktrees/app/HEAD", "ref: refs/heads/x\n");
    host.file(kProject + "/.git", text()).file(kOther + "/worktrees/app/gitdir", text());
    host.file(kOther + "/worktrees/app/commondir", text()).file(kOther + "/config", text());
  } else {
    git_directory(host, kProject + "/.git");
    if ((shape & 16U) != 0) host.file(kProject + "/.git/HEAD", text());
    host.file(kProject + "/.git/config", text());
    if ((shape & 2U) != 0) host.file(kProject + "/.git/commondir", text());
    if ((shape & 4U) != 0) host.file(kProject + "/.git/config.worktree", text());
  }
  if ((shape & 8U) != 0) {  // a submodule
    git_directory(host, kProject + "/.git/modules/sub");
    host.file(kProject + "/.gitmodules", text()).file(kProject + "/sub/.git", text());
    host.file(kProject + "/.git/modules/sub/config", text());
  }
}

bool is_plain(const std::string& value) {
  for (const char c : value)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') return false;
  return true;
}

/// What claudebox writes into a configuration, git reads as what was meant.
void must_survive_quoting(const std::string& config) {
  for (const auto& entry : plan::parse_git_config(config)) {
    const auto again = plan::parse_git_config("[a]\nb = " + plan::git_config_quote(entry.value) + "\n");
    must(again.size() == 1 && (!is_plain(entry.value) || again.front().value == entry.value));
  }
}

}  // namespace

void run(Bytes input) {
  Pieces pieces(input);
  const unsigned shape = pieces.byte();
  testing::FakeHost host;
  host.set("HOME", "/home/dev");
  host.directory(kProject).at(kProject);
  repository(host, shape, pieces);
  const std::string config(text_of(pieces.piece()));
  must_survive_quoting(config);
  host.file("/home/dev/.gitconfig", config).file("/home/dev/included", std::string(text_of(pieces.piece())));
  plan::Plan plan;
  plan.user_home = "/home/dev";
  plan.project = {.root = kProject, .directory = kProject, .canonical_root = kProject, .origin = {}};
  std::string problem;
  plan::plan_repository(host, plan::find_repository(host, kProject, problem), plan);
  plan::plan_project_protection(host, plan);
  (void)plan::box_gitconfig(host, plan);
  // Whatever the repository says, only the project becomes writable, and of another repository what names this work tree.
  for (const auto& mount : plan.mounts)
    if (mount.kind == plan::Mount::Kind::writable)
      must(base::is_within(mount.source, kProject) || base::is_within(mount.source, kOther));
}

}  // namespace claudebox::fuzz
