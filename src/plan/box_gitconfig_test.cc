#include <gmock/gmock.h>

#include "git_host.h"

namespace claudebox::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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
  add_git_directory(host, kGit);
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
