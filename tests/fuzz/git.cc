// A repository of which everything that claudebox reads is the input's: .git files, configurations, layouts.
#include "fake_host.h"
#include "fuzz.h"
#include "plan/build.h"
#include "plan/git_config.h"

namespace claudebox::fuzz {

void run(Bytes input) {
  Pieces pieces(input);
  const std::uint8_t shape = pieces.byte();
  testing::FakeHost host;
  host.program("/usr/bin/bwrap").program("/usr/bin/true").set("PATH", "/usr/bin").set("HOME", "/home/dev");
  const std::string root = "/home/dev/src/app";
  host.directory(root).at(root);
  const auto text = [&] { return std::string(text_of(pieces.piece())); };
  if ((shape & 1U) != 0) {
    host.file(root + "/.git", text());
    host.file("/home/dev/other/.git/worktrees/app/gitdir", text());
    host.file("/home/dev/other/.git/worktrees/app/commondir", text());
    host.file("/home/dev/other/.git/config", text());
  } else {
    host.directory(root + "/.git/objects").directory(root + "/.git/refs");
    host.file(root + "/.git/HEAD", text()).file(root + "/.git/config", text());
    if ((shape & 2U) != 0) host.file(root + "/.git/commondir", text());
    if ((shape & 4U) != 0) host.file(root + "/.git/config.worktree", text());
    if ((shape & 8U) != 0) host.file(root + "/.gitmodules", text());
  }
  const std::string config = text();
  for (const auto& entry : plan::parse_git_config(config))
    must(plan::parse_git_config("[a]\nb = " + plan::git_config_quote(entry.value) + "\n").size() == 1);
  host.file("/home/dev/.gitconfig", config);
  plan::Request request;
  request.action = plan::Action::command;
  request.arguments = {"true"};
  request.network.value = plan::Tier::offline;
  base::Diagnostics problems;
  const auto plan = plan::build(request, host, problems);
  must(plan.has_value() == problems.empty());
  if (!plan) return;
  // Whatever the repository says, nothing of the user's home becomes writable that is not the project's or git's own.
  for (const auto& mount : plan->mounts)
    if (mount.kind == plan::Mount::Kind::writable) must(mount.source != "/home/dev" && mount.source != "/");
}

}  // namespace claudebox::fuzz
