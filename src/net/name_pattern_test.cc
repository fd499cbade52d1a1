#include "net/name_pattern.h"

#include <gmock/gmock.h>

namespace claudebox::net {
namespace {

bool matches(const char* pattern, const char* name) {
  return NamePattern::parse(pattern)->matches(name);
}

TEST(NamePattern, MatchesANameAndNothingElse) {
  EXPECT_TRUE(matches("Example.ORG.", "example.org"));
  EXPECT_FALSE(matches("example.org", "www.example.org"));
  EXPECT_FALSE(matches("example.org", "badexample.org"));
}

TEST(NamePattern, MatchesBelowAWildcardButNotTheNameItself) {
  EXPECT_TRUE(matches("*.example.org", "a.example.org"));
  EXPECT_TRUE(matches("*.example.org", "a.b.example.org"));
  EXPECT_FALSE(matches("*.example.org", "example.org"));
  EXPECT_FALSE(matches("*.example.org", "badexample.org"));
  EXPECT_FALSE(matches("*.example.org", ".example.org"));
}

TEST(NamePattern, RefusesWhatIsNoName) {
  for (const char* typed :
       {"", ".", "*", "*.", "a..b", "-a b", "ex*mple.org", "*.*.org", "a/b", "a:1", "bücher.de", "a\nb"})
    EXPECT_FALSE(NamePattern::parse(typed)) << typed;
  EXPECT_FALSE(normalize_name(std::string(64, 'a') + ".org"));
  EXPECT_FALSE(normalize_name(std::string(260, 'a')));
}

TEST(NamePattern, IsWrittenAsItWasTyped) {
  for (const char* typed : {"example.org", "*.example.org", "_dmarc.example.org"})
    EXPECT_EQ(NamePattern::parse(typed)->to_string(), typed);
}

}  // namespace
}  // namespace claudebox::net
