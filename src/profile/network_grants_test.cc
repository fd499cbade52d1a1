#include "profile/network_grants.h"

#include <gmock/gmock.h>

namespace claudebox::profile {
namespace {

using base::Diagnostics;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Typed spelled(std::optional<plan::AllowedHost> (*)(const Typed&, Diagnostics&), const std::string& text) {
  return Typed::flag("--allow", text);
}
Typed spelled(std::optional<plan::LanDestination> (*)(const Typed&, Diagnostics&), const std::string& text) {
  return Typed::flag("--lan", text);
}
Typed spelled(std::optional<plan::PublishedPort> (*)(const Typed&, Diagnostics&), const std::string& text) {
  return Typed::flag("--publish", text);
}
Typed spelled(std::optional<plan::ReachedPort> (*)(const Typed&, Diagnostics&), const std::string& text) {
  return Typed::flag("--reach", text);
}

/// "message\nhint" of the one problem that `parse` has with `typed`.
template <class Parse>
std::string problem(Parse parse, const std::string& typed) {
  Diagnostics problems;
  EXPECT_FALSE(parse(spelled(parse, typed), problems)) << typed;
  EXPECT_EQ(problems.exit(), base::ExitCode::usage) << typed;
  if (problems.items().size() != 1) return "not one problem";
  EXPECT_FALSE(problems.items().front().hint.empty()) << typed;
  return problems.items().front().message + "\n" + problems.items().front().hint;
}

template <class Parse>
auto good(Parse parse, const std::string& typed) {
  Diagnostics problems;
  const auto value = parse(spelled(parse, typed), problems);
  for (const auto& item : problems.items()) ADD_FAILURE() << item.message;
  return value.value_or(typename decltype(value)::value_type{});
}

TEST(Allow, NamesAndPatterns) {
  EXPECT_EQ(good(parse_allow, "Example.ORG.").pattern, "example.org");
  EXPECT_EQ(good(parse_allow, "*.Example.org").pattern, "*.example.org");
  EXPECT_EQ(good(parse_allow, "intern").pattern, "intern");
  EXPECT_EQ(good(parse_allow, "*.org").pattern, "*.org");
  EXPECT_EQ(good(parse_allow, "xn--bcher-kva.example").pattern, "xn--bcher-kva.example");
  EXPECT_EQ(good(parse_allow, "a.example").origin.source, "--allow a.example");
}

TEST(Allow, MoreThanANameSaysWhichNameItIs) {
  for (const std::string typed :
       {"https://example.org", "https://me@example.org/a?b", "example.org:443", "example.org/x"})
    EXPECT_THAT(problem(parse_allow, typed), HasSubstr("--allow example.org")) << typed;
}

TEST(Allow, WhatIsNoName) {
  EXPECT_THAT(problem(parse_allow, "*"), HasSubstr("--network internet"));
  for (const std::string typed : {"10.0.0.5", "10.0.0.0/8", "::1", "[::1]:80", "10.0.5", "0x7f.1", "*.5"})
    EXPECT_THAT(problem(parse_allow, typed), AllOf(HasSubstr("is no name"), HasSubstr("--lan"))) << typed;
  for (const std::string typed :
       {"", ".", "a..b", "a b", "*.*.org", "a.*.org", "*org", "\u00e4.org", "a\n.org"})
    EXPECT_THAT(problem(parse_allow, typed), HasSubstr("--allow NAME")) << typed;
  EXPECT_THAT(problem(parse_allow, "localhost"), HasSubstr("--reach PORT"));
  EXPECT_THAT(problem(parse_allow, "*.localhost"), HasSubstr("--reach PORT"));
}

struct LanCase {
  std::string typed, prefix, name;
  std::uint16_t port = 0;
};

TEST(Lan, Forms) {
  for (const auto& [typed, prefix, name, port] : std::vector<LanCase>{
           {"192.168.1.5", "192.168.1.5/32", "", 0},
           {"192.168.1.5:8080", "192.168.1.5/32", "", 8080},
           {"192.168.1.5/24", "192.168.1.0/24", "", 0},
           {"192.168.1.0/24:443", "192.168.1.0/24", "", 443},
           {"203.0.113.7", "203.0.113.7/32", "", 0},
           {"fd12::5", "fd12::5/128", "", 0},
           {"fd12::5:8080", "fd12::5:8080/128", "", 0},
           {"fd12::/32", "fd12::/32", "", 0},
           {"[fd12::5]", "fd12::5/128", "", 0},
           {"[fd12::5]:8080", "fd12::5/128", "", 8080},
           {"[fd12::/32]:443", "fd12::/32", "", 443},
           {"Proxy.Corp.:3128", "", "proxy.corp", 3128},
           {"nas", "", "nas", 0},
       }) {
    const auto lan = good(parse_lan, typed);
    EXPECT_EQ(lan.prefix, prefix) << typed;
    EXPECT_EQ(lan.name, name) << typed;
    EXPECT_EQ(lan.port, port) << typed;
    EXPECT_EQ(lan.origin.source, "--lan " + typed);
  }
}

TEST(Lan, WhatIsNone) {
  for (const std::string typed : {"", "192.168.1", "192.168.1.256", "10.0.0.0/33", "fd12::/129", "0x7f.1",
                                  "a b", "*.corp", "[nas]", "[fd12::5", "http://nas", "10.0.0.5/", "fd12::g"})
    EXPECT_THAT(problem(parse_lan, typed), AnyOf(HasSubstr("neither"), HasSubstr("is no port"))) << typed;
  EXPECT_THAT(problem(parse_lan, "fe80::1%eth0"), HasSubstr("interfaces"));
  EXPECT_THAT(problem(parse_lan, "localhost:5432"), HasSubstr("--reach PORT"));
  for (const std::string typed : {"nas:", "nas:0", "nas:65536", "nas:x", "nas:+1", "10.0.0.5:", "10.0.0.5:-1",
                                  "[fd12::5]:", "[fd12::5]8080", "10.0.0.5: 1"})
    EXPECT_THAT(problem(parse_lan, typed), HasSubstr("is no port")) << typed;
}

TEST(Ports, Forms) {
  EXPECT_EQ(good(parse_publish, "3000").host_port, 3000);
  EXPECT_EQ(good(parse_publish, "3000").box_port, 3000);
  EXPECT_EQ(good(parse_publish, "8080:3000").host_port, 8080);
  EXPECT_EQ(good(parse_publish, "8080:3000").box_port, 3000);
  EXPECT_EQ(good(parse_publish, "65535:1").box_port, 1);
  EXPECT_EQ(good(parse_publish, "8080:3000").origin.source, "--publish 8080:3000");
  EXPECT_EQ(good(parse_reach, "5432").port, 5432);
  EXPECT_EQ(good(parse_reach, "5432").origin.source, "--reach 5432");
}

TEST(Ports, WhatIsNone) {
  for (const std::string typed : {"", "0", "65536", "x", ":", "8080:", ":3000", "1:2:3",
                                  "127.0.0.1:8080:3000", "0:3000", "80:0", " 80"})
    EXPECT_THAT(problem(parse_publish, typed), HasSubstr("[HOSTPORT:]PORT")) << typed;
  for (const std::string typed : {"", "0", "65536", "x", "5432:5432", "10.0.0.5:80", "-1", "0x10"})
    EXPECT_THAT(problem(parse_reach, typed), HasSubstr("is no port")) << typed;
}

}  // namespace
}  // namespace claudebox::profile
