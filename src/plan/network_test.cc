#include <gmock/gmock.h>

#include <algorithm>

#include "fake_host.h"
#include "plan/build.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

using claudebox::testing::FakeHost;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A Debian host without what the tiers need.
FakeHost bare() {
  FakeHost host;
  host.directory("/usr/bin").directory("/usr/lib").program("/usr/bin/bwrap").program("/usr/bin/bash");
  host.program("/usr/bin/true").symlink("/bin", "usr/bin").symlink("/lib", "usr/lib");
  host.file("/etc/resolv.conf", "nameserver 10.1.1.1\nsearch corp.example\noptions ndots:2 edns0\n");
  host.file("/etc/hosts", "10.1.1.1 intern\n");
  host.set("PATH", "/usr/bin:/bin").set("HOME", "/home/dev").at("/home/dev/src/app");
  return host;
}

FakeHost debian() {
  auto host = bare();
  host.program("/usr/bin/slirp4netns").other("/dev/net/tun", sys::FileKind::device);
  return host;
}

base::Origin flag(const std::string& source) {
  return {base::Origin::Kind::flag, source, "asked for"};
}

/// A request for `tier`, filled with short words.
struct Wish : Request {
  explicit Wish(Tier tier) {
    action = Action::command;
    arguments = {"true"};
    network.value = tier;
  }
  Wish& allows(const std::string& pattern) {
    allow.push_back({pattern, flag("--allow " + pattern)});
    return *this;
  }
  Wish& opens(const std::string& prefix, std::uint16_t port = 0) {
    lan.push_back({prefix, "", port, flag("--lan " + prefix)});
    return *this;
  }
  Wish& opens_name(const std::string& name, std::uint16_t port = 0) {
    lan.push_back({"", name, port, flag("--lan " + name)});
    return *this;
  }
  Wish& publishes(std::uint16_t host_port, std::uint16_t box_port) {
    const std::string typed = std::to_string(host_port) + ":" + std::to_string(box_port);
    publish.push_back({host_port, box_port, flag("--publish " + typed)});
    return *this;
  }
  Wish& reaches(std::uint16_t port) {
    reach.push_back({port, flag("--reach " + std::to_string(port))});
    return *this;
  }
};

Wish internet() {
  return Wish(Tier::internet);
}
Wish allowlist() {
  return Wish(Tier::allowlist).allows("example.org");
}

/// "message\nhint" of each mistake.
std::vector<std::string> mistakes(const Request& request) {
  base::Diagnostics problems;
  check_network(request, problems);
  std::vector<std::string> out;
  for (const auto& [message, hint, exit, _] : problems.items()) {
    EXPECT_EQ(exit, base::ExitCode::usage) << message;
    EXPECT_FALSE(hint.empty()) << message;
    out.push_back(message + "\n" + hint);
  }
  return out;
}

Plan must_plan(const FakeHost& host, const Request& request) {
  base::Diagnostics problems;
  auto plan = build(request, host, problems);
  for (const auto& problem : problems.items()) ADD_FAILURE() << problem.message;
  return plan.value_or(Plan{});
}

base::Diagnostic must_refuse(const FakeHost& host, const Request& request) {
  base::Diagnostics problems;
  EXPECT_FALSE(build(request, host, problems).has_value());
  return problems.empty() ? base::Diagnostic{} : problems.items().front();
}

std::string content_of(const Plan& plan, const std::string& target) {
  const auto found = std::find_if(plan.mounts.begin(), plan.mounts.end(),
                                  [&](const Mount& mount) { return mount.target == target; });
  return found == plan.mounts.end() ? "(missing)" : found->content;
}

auto says(const std::string& text) {
  return Contains(Field(&Note::text, HasSubstr(text)));
}

TEST(NetworkRules, AllowNeedsTheTierAllowlist) {
  EXPECT_THAT(mistakes(allowlist()), IsEmpty());
  EXPECT_THAT(mistakes(internet().allows("example.org").allows("b.org")),
              ElementsAre(AllOf(HasSubstr("internet already reaches every public host"),
                                HasSubstr("--network allowlist"))));
  EXPECT_THAT(mistakes(Wish(Tier::full).allows("example.org")),
              ElementsAre(AllOf(HasSubstr("full already reaches"), HasSubstr("--network allowlist"))));
  EXPECT_THAT(mistakes(Wish(Tier::offline).allows("example.org")),
              ElementsAre(AllOf(HasSubstr("offline reaches nothing"), HasSubstr("--network allowlist"))));
}

TEST(NetworkRules, AnAllowlistOfNothingIsAMistake) {
  EXPECT_THAT(mistakes(Wish(Tier::allowlist)), ElementsAre(HasSubstr("--allow HOST")));
  EXPECT_THAT(mistakes(Wish(Tier::allowlist).opens("10.0.0.5/32")), IsEmpty())
      << "a server of one's own only";
}

TEST(NetworkRules, LanNeedsATierWithAWayOut) {
  EXPECT_THAT(mistakes(internet().opens("192.168.1.0/24", 443).opens_name("nas")), IsEmpty());
  EXPECT_THAT(mistakes(allowlist().opens("203.0.113.7/32")), IsEmpty()) << "a public address";
  EXPECT_THAT(mistakes(Wish(Tier::full).opens("10.0.0.5/32")),
              ElementsAre(HasSubstr("already reaches your local network")));
  EXPECT_THAT(mistakes(Wish(Tier::offline).opens("10.0.0.5/32")), ElementsAre(HasSubstr("reaches nothing")));
}

struct Closed {
  std::string prefix, said;
};

TEST(NetworkRules, WhatNoLanOpens) {
  for (const auto& [prefix, said] : std::vector<Closed>{{"127.0.0.1/32", "--reach PORT"},
                                                        {"127.0.0.0/8", "--reach PORT"},
                                                        {"::1/128", "--reach PORT"},
                                                        {"0.0.0.0/0", "too wide"},
                                                        {"::/0", "too wide"},
                                                        {"128.0.0.0/1", "too wide"},
                                                        {"2000::/3", "too wide"},
                                                        {"0.0.0.0/32", "no destination"},
                                                        {"224.0.0.251/32", "multicast"},
                                                        {"239.0.0.0/8", "multicast"},
                                                        {"255.255.255.255/32", "broadcast"},
                                                        {"ff02::1/128", "multicast"},
                                                        {"fe80::1/128", "link-local"},
                                                        {"::ffff:10.0.0.5/128", "embeds IPv4"},
                                                        {"::ffff:0:0/96", "embeds IPv4"},
                                                        {"64:ff9b::a00:5/128", "embeds IPv4"},
                                                        {"2002:a00:5::/48", "embeds IPv4"},
                                                        {"2001::1/128", "embeds IPv4"},
                                                        {"198.51.100.3/32", "network of the box itself"},
                                                        {"198.51.0.0/16", "network of the box itself"},
                                                        {"fd00::2/128", "network of the box itself"},
                                                        {"fd00::/16", "network of the box itself"},
                                                        {"169.254.169.254/32", "metadata"},
                                                        {"100.100.100.200/32", "metadata"},
                                                        {"168.63.129.16/32", "metadata"},
                                                        {"fd00:ec2::254/128", "metadata"}}) {
    EXPECT_THAT(mistakes(internet().opens(prefix)), ElementsAre(HasSubstr(said))) << prefix;
    EXPECT_THAT(mistakes(allowlist().opens(prefix)), ElementsAre(HasSubstr(said))) << prefix;
  }
}

TEST(NetworkRules, WhatLanMayOpen) {
  for (const std::string prefix :
       {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "169.254.7.7/32",
        "fd12:3456::/32", "fc00::/8", "2001:db8:77::20/128", "203.0.113.0/24", "1.1.1.1/32"})
    EXPECT_THAT(mistakes(internet().opens(prefix)), IsEmpty()) << prefix;
}

TEST(NetworkRules, PortsNeedANetworkOfTheBoxsOwn) {
  for (const Tier tier : {Tier::internet, Tier::offline})
    EXPECT_THAT(mistakes(Wish(tier).publishes(8080, 3000).reaches(5432)), IsEmpty());
  EXPECT_THAT(mistakes(allowlist().publishes(8080, 3000).reaches(5432)), IsEmpty());
  EXPECT_THAT(mistakes(Wish(Tier::full).publishes(1, 1).publishes(1, 1).reaches(1)),
              ElementsAre(AllOf(HasSubstr("--publish 1:1"), HasSubstr("shares the host's network already")),
                          AllOf(HasSubstr("--reach 1"), HasSubstr("shares the host's network already"))));
}

TEST(NetworkRules, PortsThatCollide) {
  EXPECT_THAT(mistakes(internet().publishes(8080, 3000).publishes(8081, 3000)), IsEmpty());
  EXPECT_THAT(
      mistakes(internet().publishes(8080, 3000).publishes(8080, 4000)),
      ElementsAre(AllOf(HasSubstr("--publish 8080:4000: port 8080"), HasSubstr("published already"))));
  EXPECT_THAT(mistakes(internet().publishes(8080, 3000).reaches(3000)),
              ElementsAre(HasSubstr("port 3000 of the box can't be")));
  EXPECT_THAT(mistakes(internet().publishes(8080, 3000).reaches(8080)),
              ElementsAre(HasSubstr("port 8080 of this machine would lead back")));
}

TEST(NetworkRules, EveryMistakeIsSaid) {
  EXPECT_THAT(mistakes(internet()
                           .allows("a.org")
                           .opens("127.0.0.1/32")
                           .opens("::/0")
                           .publishes(1, 2)
                           .publishes(1, 3)
                           .reaches(2)),
              ::testing::SizeIs(5));
  EXPECT_EQ(must_refuse(debian(), internet().opens("::/0")).exit, base::ExitCode::usage);
}

TEST(Network, WhatIsAskedForIsInThePlanOnce) {
  const auto request = allowlist()
                           .allows("example.org")
                           .allows("*.example.org")
                           .opens("10.0.0.5/32", 80)
                           .opens("10.0.0.5/32", 80)
                           .opens("10.0.0.5/32", 81)
                           .opens_name("nas")
                           .publishes(8080, 3000)
                           .reaches(5432)
                           .reaches(5432);
  const Network net = must_plan(debian(), request).net;
  EXPECT_THAT(net.allow, ElementsAre(Field(&AllowedHost::pattern, "example.org"),
                                     Field(&AllowedHost::pattern, "*.example.org")));
  EXPECT_EQ(net.lan.size(), 3U);
  EXPECT_EQ(net.publish, request.publish);
  EXPECT_EQ(net.reach.size(), 1U);
  EXPECT_EQ(net.slirp, "/usr/bin/slirp4netns");
}

TEST(Network, SlirpIsFoundOnTheCallersPathByItsRealPath) {
  auto host = debian();
  host.program("/nix/store/x-slirp/bin/slirp4netns")
      .symlink("/home/dev/.nix-profile/bin/slirp4netns", "/nix/store/x-slirp/bin/slirp4netns")
      .program("/home/dev/src/app/slirp4netns");
  host.set("PATH", ".::/home/dev/.nix-profile/bin:/usr/bin");
  EXPECT_EQ(must_plan(host, internet()).net.slirp, "/nix/store/x-slirp/bin/slirp4netns");
  host.set("PATH", "/bin");
  EXPECT_EQ(must_plan(host, internet()).net.slirp, "/usr/bin/slirp4netns");
}

TEST(Network, WithoutSlirpNothingStartsAndNoTierIsTakenInstead) {
  auto host = bare();
  host.other("/dev/net/tun", sys::FileKind::device);
  for (const auto& request : {internet(), allowlist()}) {
    const auto problem = must_refuse(host, request);
    EXPECT_EQ(problem.exit, base::ExitCode::setup);
    EXPECT_THAT(problem.message,
                AllOf(HasSubstr(tier_name(request.network.value)), HasSubstr("slirp4netns")));
    EXPECT_THAT(problem.hint,
                AllOf(HasSubstr("apt-get install slirp4netns"), HasSubstr("--network offline")));
  }
  EXPECT_EQ(must_plan(host, Wish(Tier::offline)).net.slirp, "");
  EXPECT_EQ(must_plan(debian(), Wish(Tier::full)).net.slirp, "");
}

TEST(Network, WithoutTunNothingStarts) {
  auto host = debian();
  host.read_only("/dev/net/tun");
  EXPECT_THAT(must_refuse(host, internet()).hint, HasSubstr("chmod 0666 /dev/net/tun"));
  EXPECT_THAT(must_refuse(host, internet()).message, HasSubstr("may not open"));
  must_plan(host, Wish(Tier::offline));
  auto without = bare();
  without.program("/usr/bin/slirp4netns");
  EXPECT_THAT(must_refuse(without, allowlist()).hint, HasSubstr("modprobe tun"));
  EXPECT_EQ(must_refuse(without, allowlist()).exit, base::ExitCode::setup);
}

TEST(Network, TheBoxAsksTheGatewayForNames) {
  const Plan plan = must_plan(debian(), internet());
  const std::string conf = content_of(plan, "/etc/resolv.conf");
  EXPECT_THAT(conf, AllOf(HasSubstr("nameserver " + plan.net.resolver + "\n"),
                          HasSubstr("search corp.example\n"), HasSubstr("options ndots:2\n")));
  EXPECT_THAT(conf, AllOf(Not(HasSubstr("10.1.1.1")), Not(HasSubstr("edns0"))));
  EXPECT_THAT(content_of(plan, "/etc/hosts"), Not(HasSubstr("intern")));
  EXPECT_EQ(content_of(must_plan(debian(), Wish(Tier::offline)), "/etc/resolv.conf"),
            "# no network in this box\n");
  EXPECT_THAT(plan.notes, IsEmpty());
}

TEST(Network, Notes) {
  auto host = debian();
  host.file("/etc/resolv.conf", "# none\n");
  EXPECT_THAT(must_plan(host, internet()).notes, says("no name server"));
  EXPECT_THAT(must_plan(host, Wish(Tier::offline)).notes, IsEmpty());
  EXPECT_THAT(must_plan(debian(), internet().opens("169.254.0.0/16")).notes,
              says("metadata addresses stay closed"));
  EXPECT_THAT(must_plan(debian(), internet().opens("fd00:ec2::/32")).notes, says("metadata"));
  EXPECT_THAT(must_plan(debian(), internet().opens("10.0.0.0/8")).notes, IsEmpty());
  EXPECT_THAT(must_plan(debian(), allowlist().allows("*.org")).notes, says("*.org allows every name"));
  EXPECT_THAT(must_plan(debian(), allowlist().allows("*.example.org").allows("org")).notes, IsEmpty());
}

struct ProxyCase {
  std::string value;
  Wish request;
  std::string flag;  ///< that the note names; empty: no note
};

TEST(Proxy, WhatTheBoxCantReachSaysWhichFlagOpensIt) {
  for (const auto& [value, request, wanted] : std::vector<ProxyCase>{
           {"http://10.0.0.5:3128", internet(), "--lan 10.0.0.5:3128 opens"},
           {"http://10.0.0.5:3128/", internet().opens("10.0.0.0/8", 443), "--lan 10.0.0.5:3128 opens"},
           {"http://10.0.0.5", internet(), "--lan 10.0.0.5 opens"},
           {"10.0.0.5:3128", internet(), "--lan 10.0.0.5:3128 opens"},
           {"http://[fd12::5]:3128", internet(), "--lan [fd12::5]:3128 opens"},
           {"http://127.0.0.1:3128", internet(), "--reach 3128 opens"},
           {"socks5://[::1]:1080", internet().reaches(1081), "--reach 1080 opens"},
           {"http://localhost:3128", allowlist(), "--reach 3128 opens"},
           {"http://localhost", internet(), "--reach PORT opens"},
           {"http://proxy:3128", internet(), "--lan proxy:3128 opens"},
           {"http://Proxy.corp:3128", internet(), "--lan proxy.corp:3128 opens"},
           {"http://proxy.example.org:3128", allowlist(), "--lan proxy.example.org:3128 opens"},
           {"http://1.1.1.1:3128", allowlist(), "--lan 1.1.1.1:3128 opens"},
           {"http://proxy.example.org:3128", internet(), ""},
           {"http://1.1.1.1:3128", internet(), ""},
           {"", internet(), ""},
           {"none of it", internet(), ""},
           {"http://10.0.0.5:3128", Wish(Tier::full), ""},
           {"http://10.0.0.5:3128", Wish(Tier::offline), ""}}) {
    auto host = debian();
    host.set("HTTPS_PROXY", value);
    const auto notes = must_plan(host, request).notes;
    if (wanted.empty())
      EXPECT_THAT(notes, IsEmpty()) << value;
    else
      EXPECT_THAT(notes, ElementsAre(Field(&Note::text, HasSubstr(wanted)))) << value;
  }
}

TEST(Proxy, AnOpenOneIsSaidToDecideForItself) {
  for (const auto& [value, request] : std::vector<std::pair<std::string, Wish>>{
           {"http://10.0.0.5:3128", internet().opens("10.0.0.5/32", 3128)},
           {"http://10.0.0.5:3128", allowlist().opens("10.0.0.0/24")},
           {"http://localhost:3128", internet().reaches(3128)},
           {"http://127.0.0.1:3128", allowlist().reaches(3128)},
           {"http://proxy:3128", internet().opens_name("proxy", 3128)},
           {"http://proxy.example.org:3128", allowlist().allows("*.example.org")}}) {
    auto host = debian();
    host.set("http_proxy", value);
    EXPECT_THAT(must_plan(host, request).notes,
                ElementsAre(Field(&Note::text, HasSubstr("whatever the proxy lets through"))))
        << value;
  }
}

TEST(Proxy, OneNoteAProxyAndNoPasswordInIt) {
  auto host = debian();
  host.set("HTTP_PROXY", "http://10.0.0.5:3128").set("HTTPS_PROXY", "http://10.0.0.5:3128");
  auto request = internet();
  request.env = {{"all_proxy", "http://me:hunter2@10.0.0.5:3128", flag("--env all_proxy")}};
  const auto notes = must_plan(host, request).notes;
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes.front().text, AllOf(HasSubstr("HTTP_PROXY"), HasSubstr("HTTPS_PROXY"),
                                        HasSubstr("all_proxy"), Not(HasSubstr("hunter2"))));
}

}  // namespace
}  // namespace claudebox::plan
