#include "packages/nix_log.h"

#include <gmock/gmock.h>

namespace claudebox::packages {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

NixLog read(const std::vector<std::string>& lines) {
  NixLog log;
  for (const auto& line : lines) log.feed(line + "\n");
  log.finish();
  return log;
}

TEST(NixLog, WhatIsBuiltAndHowMuchOfIt) {
  const NixLog log = read({
      R"(@nix {"action":"start","id":1,"level":0,"type":104,"text":"","fields":[]})",
      R"(@nix {"action":"result","id":1,"type":105,"fields":[1,3,1,0]})",
      R"(@nix {"action":"start","id":2,"level":3,"type":105,"text":"building","fields":["/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-hello-1.0.drv","",1,1]})",
  });
  EXPECT_EQ(log.status(), "building hello-1.0 (1 of 3 built)");
}

TEST(NixLog, WhatIsFetchedAndHowMuchOfIt) {
  const NixLog log = read({
      R"(@nix {"action":"start","id":1,"type":103,"fields":[]})",
      R"(@nix {"action":"result","id":1,"type":105,"fields":[3,20,2,0]})",
      R"(@nix {"action":"result","id":1,"type":106,"fields":[101,83886080]})",
      R"(@nix {"action":"start","id":9,"type":101,"fields":["http://x/y"]})",
      R"(@nix {"action":"result","id":9,"type":105,"fields":[8388608,16777216,0,0]})",
      R"(@nix {"action":"stop","id":9})",
      R"(@nix {"action":"start","id":10,"type":101,"fields":["http://x/z"]})",
      R"(@nix {"action":"result","id":10,"type":105,"fields":[4194304,16777216,0,0]})",
  });
  EXPECT_EQ(log.status(), "fetching 12.0 MiB of 80.0 MiB (3 of 20 paths)");
}

TEST(NixLog, ErrorsWithoutColoursAndLinesOfBuilds) {
  const NixLog log = read({
      R"(@nix {"action":"result","id":2,"type":101,"fields":["line \u001b[31mred\u001b[0m\u0007"]})",
      R"(@nix {"action":"msg","level":0,"msg":"\u001b[31;1merror:\u001b[0m builder failed\n > line"})",
      R"(@nix {"action":"msg","level":1,"msg":"\u001b[35;1mwarning:\u001b[0m unable to download 'x'"})",
      R"(@nix {"action":"msg","level":0,"msg":"warning: the group 'nixbld' does not exist"})",
      R"(@nix {"action":"msg","level":0,"msg":"killing process 12190"})",
  });
  EXPECT_EQ(log.error(), "error: builder failed\n > line");
  EXPECT_THAT(log.build_lines(), ElementsAre("line red"));
  EXPECT_THAT(log.warnings(), ElementsAre("unable to download 'x'", "the group 'nixbld' does not exist"));
}

TEST(NixLog, AnErrorFromBeforeTheFormatIsKnown) {
  EXPECT_EQ(read({"error: unrecognised flag '--log-format'"}).error(),
            "error: unrecognised flag '--log-format'");
}

TEST(NixLog, FilesThatEvaluationOpens) {
  const std::string source = "/nix/store/7qgsqjca0jyms6li2knjk0fabml4hbz1-source/";
  const NixLog log = read({
      R"(@nix {"action":"msg","level":6,"msg":"checking access to ')" + source + R"(flake.nix'"})",
      R"(@nix {"action":"msg","level":6,"msg":"checking access to '/tmp/chroot)" + source + R"(it's'"})",
      R"(@nix {"action":"msg","level":6,"msg":"checking access to ')" + source + R"(flake.nix'"})",
      R"(@nix {"action":"msg","level":6,"msg":"checking access to '/etc/passwd'"})",
  });
  EXPECT_THAT(log.files(), ElementsAre("7qgsqjca0jyms6li2knjk0fabml4hbz1-source/flake.nix",
                                       "7qgsqjca0jyms6li2knjk0fabml4hbz1-source/it's"));
}

TEST(NixLog, InPiecesOfAnySize) {
  const std::string text =
      "@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error: x\"}\nnoise\n@nix "
      "{\"action\":\"msg\",\"level\":0,\"msg\":\"error: y\"}";
  NixLog log;
  for (const char c : text) log.feed(std::string_view(&c, 1));
  log.finish();
  EXPECT_EQ(log.error(), "error: x\nerror: y");
}

TEST(NixLog, WhatItDoesNotKnowIsLeftOut) {
  const NixLog log =
      read({"@nix", "@nix ", "@nix []", "@nix {", R"(@nix {"action":7})", R"(@nix {"action":"start"})",
            R"(@nix {"action":"stop","id":-1})", R"(@nix {"action":"result","id":1,"type":105,"fields":"x"})",
            R"(@nix {"action":"result","id":1,"type":105,"fields":[-1,"a"]})",
            R"(@nix {"action":"msg","level":"high","msg":[1]})", std::string(3U << 20, 'x')});
  EXPECT_EQ(log.error(), "");
  EXPECT_EQ(log.status(), "");
  EXPECT_THAT(log.files(), IsEmpty());
}

TEST(NixLog, DeepNestingDoesNotTakeTheStack) {
  const std::size_t depth = 400'000;
  const std::string deep = std::string(depth, '[') + std::string(depth, ']');
  EXPECT_EQ(
      read({R"(@nix {"action":"start","id":1,"type":105,"fields":)" + deep + "}", "error: after it"}).error(),
      "error: after it");
}

TEST(NixLog, NoEscapeSequenceGetsThrough) {
  EXPECT_EQ(without_escapes("a\x1b[31mb\x1b]0;title\x07"
                            "c\x1b"),
            "ab0;titlec");
  EXPECT_EQ(without_escapes("\x1b["), "");
  EXPECT_EQ(without_escapes("x\r\x7f\n"), "x\x7f\n");
}

}  // namespace
}  // namespace claudebox::packages
