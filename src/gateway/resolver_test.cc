#include "gateway/resolver.h"

#include <gmock/gmock.h>

#include <set>

#include "dns_sockets.h"

namespace claudebox::gateway {
namespace {

using namespace std::chrono_literals;
using dns::address;
using dns::answer;
using dns::Bytes;
using dns::query;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Result = LookedUp::Result;

class ResolverTest : public ::testing::Test, private ResolverHost {
 protected:
  /// The other end of a socket that the resolver was given.
  struct Server {
    sys::UniqueFd socket;
    Bytes query() const { return dns::receive(socket.get()); }
  };

  void SetUp() override { start({}, false); }

  void start(std::vector<AllowedName> names, bool allowlist) {
    resolver.reset();
    policy.emplace(net::PolicyRules{.allowlist = allowlist, .box_v4 = {}, .box_v6 = {}});
    resolver.emplace(loop, udp.get(), tcp.get(), *policy, std::move(names), allowlist,
                     static_cast<ResolverHost&>(*this));
  }

  void ask(const Bytes& message) {
    ASSERT_TRUE(dns::send(client.get(), message));
    dns::settle(loop);
  }
  Bytes reply() { return dns::receive(client.get()); }

  /// Gives a socket for the `which`-th wish.
  Server give(std::size_t which) {
    const auto& wanted = wishes.at(which);
    std::array<int, 2> ends{};
    ::socketpair(AF_UNIX, (wanted.tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                 ends.data());
    resolver->take_upstream(wanted.id, sys::UniqueFd(ends[0]));
    dns::settle(loop);
    return {sys::UniqueFd(ends[1])};
  }
  void give_none(std::size_t which) { resolver->take_upstream(wishes.at(which).id, {}); }
  void say(const Server& server, const Bytes& message) {
    ASSERT_TRUE(dns::send(server.socket.get(), message));
    dns::settle(loop);
  }
  std::vector<int> attempts() const {
    std::vector<int> out;
    for (const auto& wish : wishes) out.push_back(wish.attempt);
    return out;
  }

  sys::EventLoop loop;
  sys::UniqueFd udp = dns::serve(SOCK_DGRAM), tcp = dns::serve(SOCK_STREAM);
  sys::UniqueFd client = dns::client_of(udp.get(), SOCK_DGRAM);
  std::optional<net::Policy> policy;
  std::optional<Resolver> resolver;
  std::vector<WantUpstream> wishes;
  std::vector<LookedUp> reports;
  std::vector<net::Grant> grants;
  bool granted_late = false;

 private:
  void want_upstream(const WantUpstream& wanted) override { wishes.push_back(wanted); }
  void looked_up(const LookedUp& lookup) override { reports.push_back(lookup); }
  void granted(const net::Grant& grant) override {
    grants.push_back(grant);
    std::uint8_t byte = 0;
    if (::recv(client.get(), &byte, 1, MSG_PEEK) >= 0) granted_late = true;
  }
};

TEST_F(ResolverTest, HandsTheAnswerOfTheServerBack) {
  const auto asked = dns::with(query("Example.org"), dns::opt(4096), 11);
  ask(asked);
  ASSERT_THAT(wishes, SizeIs(1));
  EXPECT_FALSE(wishes[0].tcp);
  EXPECT_TRUE(resolver->busy());
  const auto server = give(0);
  const auto forwarded = server.query();
  EXPECT_EQ(dns::with_id(forwarded, 0x1234), dns::with(query("Example.org"), dns::opt(1232), 11));
  const auto said = answer(query("Example.org"), {address("example.org", "9.9.9.9")});
  say(server, dns::with_id(said, dns::id(forwarded)));
  EXPECT_EQ(reply(), said);
  EXPECT_FALSE(resolver->busy());
  EXPECT_THAT(reports, ElementsAre(LookedUp{
                           "example.org", net::kTypeA, Result::answered, {*net::Address::parse("9.9.9.9")}}));
  EXPECT_THAT(grants, IsEmpty());
}

TEST_F(ResolverTest, AsksUnderIdsThatTheBoxDoesNotKnow) {
  std::set<std::uint16_t> ids;
  for (std::size_t i = 0; i < 8; ++i) {
    ask(query("example.org"));
    ids.insert(dns::id(give(i).query()));
  }
  EXPECT_GE(ids.size(), 7);  // by chance two may be the same
  EXPECT_LT(ids.count(0x1234), 8);
}

TEST_F(ResolverTest, BelievesNoForgedAnswer) {
  ask(query("example.org"));
  const auto server = give(0);
  const auto id = dns::id(server.query());
  const auto forged = answer(query("example.org"), {address("example.org", "6.6.6.6")});
  say(server, dns::with_id(forged, static_cast<std::uint16_t>(id + 1)));
  say(server, dns::with_id(answer(query("example.net"), {address("example.net", "6.6.6.6")}), id));
  say(server, dns::with_id(answer(query("example.org", net::kTypeAaaa), {}), id));
  say(server, dns::with_id(query("example.org"), id));
  for (int i = 0; i < 100; ++i) say(server, Bytes(static_cast<std::size_t>(i), 0xff));
  EXPECT_THAT(reply(), IsEmpty());
  const auto good = answer(query("example.org"), {address("example.org", "9.9.9.9")});
  say(server, dns::with_id(good, id));
  EXPECT_EQ(reply(), good);
}

TEST_F(ResolverTest, AsksTheNextServerWhenOneIsSilent) {
  ask(query("example.org"));
  const auto start = std::chrono::steady_clock::now();
  const auto first = give(0);
  resolver->expire(start + 1s);
  EXPECT_THAT(attempts(), ElementsAre(0));
  resolver->expire(start + 2s);
  EXPECT_THAT(attempts(), ElementsAre(0, 1));
  EXPECT_EQ(wishes[1].id, wishes[0].id);
  const auto second = give(1);
  const auto said = answer(query("example.org"), {address("example.org", "9.9.9.9")});
  say(second, dns::with_id(said, dns::id(second.query())));
  EXPECT_EQ(reply(), said);
}

TEST_F(ResolverTest, FailsAfterThreeSilentServers) {
  ask(query("example.org"));
  const auto start = std::chrono::steady_clock::now();
  for (const auto later : {2s, 4s}) resolver->expire(start + later);
  EXPECT_THAT(reply(), IsEmpty());
  EXPECT_THAT(attempts(), ElementsAre(0, 1, 2));
  resolver->expire(start + 6s);
  EXPECT_EQ(reply(), net::error_reply(query("example.org"), net::kServerFailure));
  EXPECT_THAT(reports, ElementsAre(LookedUp{"example.org", net::kTypeA, Result::failed, {}}));
  EXPECT_FALSE(resolver->busy());
  EXPECT_THAT(attempts(), SizeIs(3));
}

TEST_F(ResolverTest, FailsAtOnceWithoutServers) {
  ask(query("example.org"));
  for (std::size_t i = 0; i < 3; ++i) give_none(i);
  EXPECT_EQ(dns::code(reply()), net::kServerFailure);
  EXPECT_THAT(reports, SizeIs(1));
}

TEST_F(ResolverTest, LeavesAServerThatRefusesConnections) {
  ask(query("example.org"));
  auto closed = dns::serve(SOCK_DGRAM);
  auto socket = dns::client_of(closed.get(), SOCK_DGRAM);
  closed.reset();
  resolver->take_upstream(wishes[0].id, std::move(socket));
  EXPECT_TRUE(dns::turn_until(loop, [&] { return wishes.size() == 2; }));
}

TEST_F(ResolverTest, LeavesAServerThatCanNotAnswer) {
  ask(query("example.org"));
  const auto first = give(0);
  say(first, dns::with_id(answer(query("example.org"), {}, net::kRefused), dns::id(first.query())));
  EXPECT_THAT(reply(), IsEmpty());
  const auto second = give(1);
  const auto said = answer(query("example.org"), {}, net::kNoSuchName);
  say(second, dns::with_id(said, dns::id(second.query())));
  EXPECT_EQ(reply(), said);
  EXPECT_THAT(reports, ElementsAre(LookedUp{"example.org", net::kTypeA, Result::no_such_name, {}}));
}

TEST_F(ResolverTest, TellsWhatAServerSaidThatCouldNotAnswer) {
  ask(query("example.org"));
  const auto first = give(0);
  const auto said = answer(query("example.org"), {}, net::kRefused);
  say(first, dns::with_id(said, dns::id(first.query())));
  give_none(1);
  give_none(2);
  EXPECT_EQ(reply(), said);
  EXPECT_THAT(reports, ElementsAre(LookedUp{"example.org", net::kTypeA, Result::failed, {}}));
}

TEST_F(ResolverTest, LetsTruncationThrough) {
  ask(query("example.org"));
  const auto server = give(0);
  auto said = answer(query("example.org"), {});
  said[2] |= 0x02;
  say(server, dns::with_id(said, dns::id(server.query())));
  EXPECT_EQ(reply(), said);
}

TEST_F(ResolverTest, WithholdsPrivateAddresses) {
  ask(query("rebind.example"));
  const auto server = give(0);
  say(server, dns::with_id(answer(query("rebind.example"), {address("rebind.example", "192.168.1.1")}),
                           dns::id(server.query())));
  EXPECT_EQ(reply(), net::error_reply(query("rebind.example"), net::kRefused));
  EXPECT_EQ(reports.at(0).result, Result::private_address);
}

TEST_F(ResolverTest, ForwardsNoNameThatIsNotListed) {
  start({{.pattern = "example.org"}}, true);
  ask(query("secret.example.com"));
  EXPECT_EQ(reply(), net::error_reply(query("secret.example.com"), net::kRefused));
  EXPECT_THAT(wishes, IsEmpty());
  EXPECT_THAT(reports, ElementsAre(LookedUp{"secret.example.com", net::kTypeA, Result::refused, {}}));
}

TEST_F(ResolverTest, GrantsBeforeTheBoxHasTheReply) {
  start({{.pattern = "example.org"}}, true);
  ask(query("example.org"));
  const auto server = give(0);
  say(server, dns::with_id(answer(query("example.org"), {dns::cname("example.org", "cdn.example"),
                                                         address("cdn.example", "9.9.9.9")}),
                           dns::id(server.query())));
  EXPECT_FALSE(reply().empty());
  EXPECT_THAT(grants, ElementsAre(net::Grant{*net::Address::parse("9.9.9.9"), 0, false}));
  EXPECT_FALSE(granted_late);
  EXPECT_FALSE(policy->forbidden(*net::Address::parse("9.9.9.9"), 443, std::chrono::steady_clock::now()));
}

TEST_F(ResolverTest, AsksByTcpWhatCameByTcp) {
  const auto stream = dns::client_of(tcp.get(), SOCK_STREAM);
  dns::send(stream.get(), net::framed(query("example.org")));
  dns::settle(loop);
  ASSERT_THAT(wishes, SizeIs(1));
  EXPECT_TRUE(wishes[0].tcp);
  const auto server = give(0);
  const auto forwarded = dns::receive_framed(server.socket.get());
  ASSERT_THAT(forwarded, SizeIs(1));
  const auto said = answer(query("example.org"), {address("example.org", "9.9.9.9")});
  for (const auto byte : net::framed(dns::with_id(said, dns::id(forwarded[0])))) say(server, {byte});
  EXPECT_THAT(dns::receive_framed(stream.get()), ElementsAre(said));
}

TEST_F(ResolverTest, LeavesATcpServerThatFails) {
  const auto stream = dns::client_of(tcp.get(), SOCK_STREAM);
  dns::send(stream.get(), net::framed(query("example.org")));
  dns::settle(loop);
  give(0).socket.reset();  // closes
  dns::settle(loop);
  EXPECT_THAT(attempts(), ElementsAre(0, 1));
  const auto liar = give(1);
  say(liar, net::framed(answer(query("example.net"), {})));
  EXPECT_THAT(attempts(), ElementsAre(0, 1, 2));
  auto closed = dns::serve(SOCK_STREAM);
  const auto where = dns::loopback(dns::port_of(closed.get()));
  closed.reset();
  sys::UniqueFd refused(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ::connect(refused.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
  resolver->take_upstream(wishes[2].id, std::move(refused));
  EXPECT_TRUE(dns::turn_until(loop, [&] { return !reports.empty(); }));
  const auto replies = dns::receive_framed(stream.get());
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_EQ(dns::code(replies[0]), net::kServerFailure);
}

TEST_F(ResolverTest, ForgetsAClientButNotWhatItAsked) {
  auto stream = dns::client_of(tcp.get(), SOCK_STREAM);
  dns::send(stream.get(), net::framed(query("secret.example")));
  dns::settle(loop);
  const auto server = give(0);
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(stream.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  stream.reset();
  dns::settle(loop);
  EXPECT_FALSE(resolver->busy());
  EXPECT_THAT(reports, ElementsAre(LookedUp{"secret.example", net::kTypeA, Result::failed, {}}));
  EXPECT_TRUE(dns::receive(server.socket.get()).size() > 0 && dns::is_closed(server.socket.get()));
}

TEST_F(ResolverTest, SurvivesAFlood) {
  for (int i = 0; i < 70; ++i) ask(query("flood.example"));
  EXPECT_THAT(wishes, SizeIs(64));
  const auto server = give(0);
  say(server, dns::with_id(answer(query("flood.example"), {}), dns::id(server.query())));
  ask(query("example.org"));
  EXPECT_THAT(wishes, SizeIs(65)) << "there is room again";
}

TEST_F(ResolverTest, SurvivesMalformedQueries) {
  const auto whole = query("www.example.org");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ask(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    const auto said = reply();
    EXPECT_EQ(said.size(), size < 12 ? 0 : 12);
    if (!said.empty()) {
      EXPECT_EQ(dns::code(said), net::kFormatError);
    }
  }
  EXPECT_THAT(wishes, IsEmpty());
  EXPECT_FALSE(resolver->busy());
}

TEST_F(ResolverTest, SurvivesMalformedAnswers) {
  const auto whole = answer(query("example.org"), {address("example.org", "9.9.9.9")});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    wishes.clear();
    ask(query("example.org"));
    const auto server = give(0);
    auto part = dns::with_id(whole, dns::id(server.query()));
    part.resize(size);
    say(server, part);
    // What does not even answer the question is ignored, anything else is a failure.
    const auto said = reply();
    EXPECT_EQ(said.empty() ? -1 : dns::code(said),
              size < query("example.org").size() ? -1 : net::kServerFailure);
    resolver->expire(std::chrono::steady_clock::now() + 2s);
    resolver->expire(std::chrono::steady_clock::now() + 5s);
    resolver->expire(std::chrono::steady_clock::now() + 9s);
    reply();
  }
}

TEST_F(ResolverTest, TakesNoSocketThatItDidNotWant) {
  ask(query("example.org"));
  const auto server = give(0);
  const auto second = give(0);
  EXPECT_TRUE(dns::is_closed(second.socket.get()) || second.query().empty());
  resolver->take_upstream(wishes[0].id + 1, dns::serve(SOCK_DGRAM));
  resolver->take_upstream(0, {});
  const auto said = answer(query("example.org"), {});
  say(server, dns::with_id(said, dns::id(server.query())));
  EXPECT_EQ(reply(), said);
}

}  // namespace
}  // namespace claudebox::gateway
