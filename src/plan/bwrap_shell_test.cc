// The printed command is run by the real bash, with a script in bwrap's place that writes down what it was given.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/text.h"
#include "plan/bwrap_args.h"

namespace claudebox::plan {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class BwrapShell : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/bwrap-shell-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
    // Every word ends in a NUL; what stands behind a descriptor is copied to a file of its number.
    script("bwrap", "#!/bin/bash\nprintf '%s\\0' \"$@\" >\"" + directory_ +
                        "/words\"\nfor i in {10..99}; do [ -e /proc/self/fd/$i ] && cat <&$i >\"" +
                        directory_ + "/$i\"; done\nenv -0 >\"" + directory_ + "/env\"\nexit 7\n");
    script("claudebox", "#!/bin/bash\n[ \"$1\" = __seccomp-filter ] && printf 'filter\\0bytes'\n");
    plan_.bwrap = directory_ + "/bwrap";
    plan_.uid = 1000;
    plan_.network.value = Tier::full;
    plan_.project.directory = "/p";
    plan_.command.argv = {"/usr/bin/true"};
  }
  void TearDown() override { fs::remove_all(directory_); }

  void script(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0755);
  }

  /// Runs the printed command in bash, with `before` (assignments) in front of it. Returns its exit status.
  int run(const std::string& before = {}) {
    const std::string path = directory_ + "/command";
    std::ofstream(path, std::ios::binary) << before << bwrap_shell_command(plan_, directory_ + "/claudebox");
    const int status = std::system(("bash " + path + " 2>" + directory_ + "/errors").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::vector<std::string> words() const {
    auto all = base::split(read(directory_ + "/words"), '\0');
    if (!all.empty()) all.pop_back();
    return all;
  }

  /// What the launch would hand to bwrap, with the descriptors that the command chose and paths for the others.
  std::vector<std::string> expected(std::map<int, std::string>& contents) const {
    std::vector<std::string> out;
    int number = 10;
    for (const auto& word : bwrap_options(plan_)) {
      if (const auto* text = std::get_if<std::string>(&word)) {
        out.push_back(*text);
      } else {
        const auto* bytes = std::get_if<Bytes>(&word);
        contents[number] = bytes ? bytes->content : std::string("filter\0bytes", 12);
        out.push_back(std::to_string(number++));
      }
    }
    out.emplace_back("--");
    out.insert(out.end(), plan_.command.argv.begin(), plan_.command.argv.end());
    return out;
  }

  void expect_same_as_launch() {
    std::map<int, std::string> contents;
    const auto wanted = expected(contents);
    EXPECT_EQ(run(), 7) << read(directory_ + "/errors");  // the box's exit status is the command's
    EXPECT_EQ(words(), wanted);
    for (const auto& [number, content] : contents)
      EXPECT_EQ(read(directory_ + "/" + std::to_string(number)), content) << number;
  }

  std::string directory_;
  Plan plan_;
};

const std::vector<std::string>& hostile_words() {
  static const std::vector<std::string> words = {
      "a b",         "it's",    "\"double\"", "$HOME `id` $(id)", "new\nline", "\ttab\r",       "back\\slash",
      "!history !!", "\x1b[2J", "\xff\xfe",   "ünïcödé",          "--dashes",  "*?[x]{a,b}~#&", ";|<>()",
      "x!\n'y'",     "end\\",   "\n",         "\xe2\x80\xae"};
  return words;
}

TEST_F(BwrapShell, GivesBwrapWhatTheLaunchGives) {
  for (const auto& word : hostile_words()) {
    plan_.mounts.push_back({.kind = Mount::Kind::read_only, .target = "/t/" + word, .source = "/s/" + word});
    plan_.mounts.push_back({.kind = Mount::Kind::writable, .target = "/w/" + word, .source = "/s/" + word});
    plan_.mounts.push_back({.kind = Mount::Kind::symlink, .target = "/l/" + word, .source = word});
    plan_.mounts.push_back({.kind = Mount::Kind::tmpfs, .target = "/m/" + word, .mode = 01777});
    plan_.env.push_back({.name = "V", .value = word});
    plan_.command.argv.push_back(word);
  }
  plan_.command.argv.emplace_back();
  plan_.env.push_back({.name = "EMPTY", .value = ""});
  plan_.nested = false;
  plan_.new_session = true;
  expect_same_as_launch();
}

TEST_F(BwrapShell, HandsContentOverByteForByte) {
  std::vector<std::string> contents = hostile_words();
  contents.insert(contents.end(),
                  {"", "one line\n", "no newline", "two\nlines\n", "ends in two\n\n", "$HOME\n'quoted'\n"});
  for (std::size_t i = 0; i < contents.size(); ++i)
    plan_.mounts.push_back({.kind = Mount::Kind::file,
                            .target = "/f/" + std::to_string(i),
                            .content = contents[i],
                            .mode = 0444});
  expect_same_as_launch();
}

TEST_F(BwrapShell, TakesACopiedFileFromItsSource) {
  std::ofstream(directory_ + "/it's a file") << "content\n";
  plan_.mounts.push_back({.kind = Mount::Kind::file,
                          .target = "/etc/x",
                          .source = directory_ + "/it's a file",
                          .content = "content\n",
                          .mode = 0444});
  EXPECT_EQ(bwrap_shell_command(plan_, "claudebox").find("<<<"), std::string::npos);
  expect_same_as_launch();
}

TEST_F(BwrapShell, GivesTheBoxOnlyItsOwnEnvironment) {
  EXPECT_EQ(run("export OUTSIDE=1\n"), 7);
  EXPECT_EQ(read(directory_ + "/env").find("OUTSIDE"), std::string::npos);
}

TEST_F(BwrapShell, LeavesNoOtherDescriptorOpen) {
  plan_.mounts = {{.kind = Mount::Kind::file, .target = "/f", .content = "no newline", .mode = 0444}};
  // ls in place of bwrap: a pipeline would show the pipe that its shell has open while it forks. 3, the lowest free
  // number, is the directory that ls reads.
  script("bwrap", "#!/bin/bash\nexec ls /proc/self/fd >\"" + directory_ + "/seen\"\n");
  // A clean shell, whatever this test inherited.
  EXPECT_EQ(run("for i in {3..9} {10..254}; do eval \"exec $i>&-\"; done\n"), 0)
      << read(directory_ + "/errors");
  EXPECT_EQ(read(directory_ + "/seen"), "0\n1\n10\n11\n2\n3\n");
}

TEST_F(BwrapShell, TakesAHostValueFromTheShellThatItIsPastedInto) {
  plan_.env = {{.name = "TERM", .value = "old", .kind = EnvVar::Kind::host, .from_host = true}};
  EXPECT_EQ(run("TERM='new one'\n"), 7);
  const auto all = words();
  const auto at = std::find(all.begin(), all.end(), "TERM");
  ASSERT_NE(at, all.end());
  EXPECT_EQ(*(at + 1), "new one");
}

TEST_F(BwrapShell, TakesARenamedValueFromTheVariableThatHasIt) {
  plan_.env = {{.name = "GH_TOKEN",
                .value = "old",
                .kind = EnvVar::Kind::extra,
                .from_host = true,
                .host_name = "GH_TOKEN_READONLY"}};
  const std::string text = bwrap_shell_command(plan_, "claudebox");
  EXPECT_THAT(text, ::testing::HasSubstr("--setenv GH_TOKEN \"$GH_TOKEN_READONLY\""));
}

TEST_F(BwrapShell, NeverPrintsASecretAndStartsNothingWithoutIt) {
  plan_.env = {
      {.name = "DB_PASSWORD", .value = "hunter2-and-more", .kind = EnvVar::Kind::extra},
      {.name = "HARMLESS", .value = "ghp_0123456789abcdefABCDEF0123456789abcd", .kind = EnvVar::Kind::extra},
      {.name = "GH_TOKEN", .value = "some-token-value", .kind = EnvVar::Kind::extra, .from_host = true}};
  const std::string text = bwrap_shell_command(plan_, "claudebox");
  for (const char* secret : {"hunter2", "ghp_", "some-token"})
    EXPECT_EQ(text.find(secret), std::string::npos) << secret;
  EXPECT_NE(run("unset DB_PASSWORD\n"), 7);
  EXPECT_FALSE(fs::exists(directory_ + "/words"));
  EXPECT_NE(read(directory_ + "/errors").find("DB_PASSWORD"), std::string::npos);
  EXPECT_EQ(run("DB_PASSWORD=a HARMLESS=b GH_TOKEN=c\n"), 7);
}

// An interactive bash looks for history inside $'…' too; a script, as the other tests run it, does not.
TEST_F(BwrapShell, LeavesNothingForHistoryExpansion) {
  plan_.command.argv = {"/usr/bin/true", "line\n!!"};
  EXPECT_NE(bwrap_shell_command(plan_, "claudebox").find("$'line\\n\\041\\041'"), std::string::npos);
}

TEST_F(BwrapShell, ASecretAmongTheArgumentsIsNotPrintedEither) {
  plan_.command.argv = {"/usr/bin/curl", "-H", "Authorization: ghp_0123456789abcdefABCDEF0123456789abcd"};
  EXPECT_EQ(bwrap_shell_command(plan_, "claudebox").find("0123456789"), std::string::npos);
}

TEST_F(BwrapShell, CutsTheNetworkOffByItselfOutsideTheLaunch) {
  EXPECT_EQ(bwrap_shell_command(plan_, "claudebox").find("--unshare-net"), std::string::npos);
  plan_.network.value = Tier::offline;
  EXPECT_NE(bwrap_shell_command(plan_, "claudebox").find("--unshare-net"), std::string::npos);
}

TEST_F(BwrapShell, SaysWhichPartOfTheNetworkIsNotInIt) {
  EXPECT_TRUE(bwrap_shell_command(plan_, "claudebox").starts_with("(\n"));
  plan_.network.value = Tier::offline;
  EXPECT_TRUE(bwrap_shell_command(plan_, "claudebox").starts_with("(\n"));
  plan_.net.reach = {{5432, {}}};
  EXPECT_TRUE(
      bwrap_shell_command(plan_, "claudebox").starts_with("# Published and reached ports are not in it"));
  plan_.network.value = Tier::internet;
  EXPECT_TRUE(bwrap_shell_command(plan_, "claudebox").starts_with("# The tier internet needs the gateway"));
  EXPECT_EQ(run(), 7);
  EXPECT_THAT(words(), ::testing::Contains("--unshare-net"));
}

TEST_F(BwrapShell, SetsTheResourceLimitsAndSaysWhichLimitsAreNotInIt) {
  plan_.limits.all = {{.kind = LimitKind::memory, .amount = 3ULL << 30, .by = Limit::By::resource},
                      {.kind = LimitKind::processes, .amount = 500, .by = Limit::By::resource},
                      {.kind = LimitKind::open_files, .amount = 300, .by = Limit::By::resource}};
  script("bwrap",
         "#!/bin/bash\necho $(ulimit -Hd) $(ulimit -Sn) $(ulimit -Hn) >\"" + directory_ + "/seen\"\n");
  EXPECT_EQ(run(), 0) << read(directory_ + "/errors");
  EXPECT_EQ(read(directory_ + "/seen"), "3145728 300 300\n");
  EXPECT_TRUE(bwrap_shell_command(plan_, "claudebox").starts_with("# Not in it: the limits processes 500,"));
  plan_.limits.all = {{.kind = LimitKind::memory, .amount = 3ULL << 30, .by = Limit::By::group},
                      {.kind = LimitKind::cpu, .amount = 150, .by = Limit::By::nothing}};
  const std::string text = bwrap_shell_command(plan_, "claudebox");
  EXPECT_TRUE(text.starts_with("# Not in it: the limits memory 3G,"));
  EXPECT_EQ(text.find("ulimit"), std::string::npos);
}

TEST_F(BwrapShell, MakesWhatTheLaunchMakesAndTakesTheInertFilesAwayAgain) {
  plan_.instance.home = directory_ + "/it's home";
  plan_.state = {{.policy = StateFile::Policy::directory, .path = plan_.instance.home + "/.local/box/bin"}};
  fs::create_directory(directory_ + "/git");
  const std::string there = directory_ + "/git/there";
  std::ofstream(there) << "mine";
  plan_.stubs = {{Stub::Kind::file, directory_ + "/git/commondir", "../.git\n", {}},
                 {Stub::Kind::directory, directory_ + "/git/hooks", "", {}},
                 {Stub::Kind::file, there, "stub", {}}};
  script("bwrap", "#!/bin/bash\nls -A \"" + directory_ + "/git\" | tr '\\n' ' ' >\"" + directory_ +
                      "/seen\"; cat \"" + directory_ + "/git/commondir\" >>\"" + directory_ + "/seen\"\n");
  EXPECT_EQ(run(), 0) << read(directory_ + "/errors");
  EXPECT_EQ(read(directory_ + "/seen"), "commondir hooks there ../.git\n");
  EXPECT_TRUE(fs::is_directory(plan_.instance.home + "/.local/box/bin"));
  EXPECT_EQ(fs::status(plan_.instance.home).permissions(), fs::perms::owner_all);
  EXPECT_FALSE(fs::exists(directory_ + "/git/commondir"));
  EXPECT_FALSE(fs::exists(directory_ + "/git/hooks"));
  EXPECT_EQ(read(there), "mine");  // what was there already is not ours to take away
}

}  // namespace
}  // namespace claudebox::plan
