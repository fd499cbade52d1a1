#include "packages/read_files.h"

#include <gmock/gmock.h>

#include "fake_host.h"

namespace claudebox::packages {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kOwn = "7qgsqjca0jyms6li2knjk0fabml4hbz1-source";
const std::string kInput = "2bkg6xsxdjx9910d2qclzgr72hfz8zly-source";

testing::FakeHost copy() {
  testing::FakeHost host;
  host.file("/copy/sub/flake.nix").file("/copy/data/v").directory("/copy/src");
  return host;
}

TEST(ReadFiles, ThoseOfTheFlakeAndNotOfItsInputs) {
  const auto read =
      read_files({kOwn + "/sub/flake.nix", kInput + "/flake.nix", kOwn + "/data/v", kOwn + "/src", kOwn},
                 "sub", copy(), "/copy");
  EXPECT_THAT(read.files, ElementsAre("data/v", "sub/flake.lock", "sub/flake.nix"));
  EXPECT_THAT(read.trees, ElementsAre("", "src"));
}

TEST(ReadFiles, NothingWhereNixDoesNotSay) {
  EXPECT_THAT(read_files({}, "", copy(), "/copy").files, IsEmpty());
  EXPECT_THAT(read_files({kOwn + "/other/flake.nix", "x-source/flake.nix"}, "sub", copy(), "/copy").files,
              IsEmpty());
}

}  // namespace
}  // namespace claudebox::packages
